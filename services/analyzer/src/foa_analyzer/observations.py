"""Observations of an analysis.

DL3 files are gathered in one GADF directory; off regions follow from the pointings.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack
from gammapy.data import DataStore, Observation, Observations

from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import StepFindings
from foa_analyzer.steps import Found, RunSet, tell
from foa_stage.runner import BadInput

INDICES = ("hdu-index.fits.gz", "obs-index.fits.gz")


def gather(runs: Iterable[AnalysedRun], directory: Path) -> Path | None:
    """Link the runs' DL3 files into one directory with index files; None if there are none."""
    paths = [run.dl3.path for run in runs if run.dl3]
    if not paths:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    for path in paths:
        link = directory / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    for name in INDICES:
        tables = [Table.read(path.parent / name) for path in paths]
        vstack(tables, metadata_conflicts="silent").write(directory / name, overwrite=True)
    return directory


def open_store(directory: Path) -> Observations:
    """Open all observations of a GADF directory.

    Raises
    ------
    BadInput
        If it has no index files, or an observation lacks events, effective area or energy
        dispersion.
    """
    try:
        store = DataStore.from_dir(directory)
        observations = store.get_observations(required_irf=["aeff", "edisp"], skip_missing=False)
    except Exception as error:
        raise BadInput(f"{directory}: not a readable directory of DL3 files: {error}") from error
    if not len(observations):
        raise BadInput(f"{directory}: no observations")
    return observations


def observations_of(runs: Sequence[AnalysedRun], store: Path | None) -> Observations | None:
    """Open the observations of these runs, or all of a foreign directory; None if there are none.

    Raises
    ------
    BadInput
        If the store is not readable.
    """
    if store is None:
        return None
    wanted = {run.obs_id for run in runs}
    chosen = [one for one in open_store(store) if not runs or int(one.obs_id) in wanted]
    for one in chosen:
        tell(f"observation {one.obs_id}")
    return Observations(chosen) if chosen else None


def find_usable(run_set: RunSet, observations: Observations) -> Found[Observations]:
    """Find the observations whose IRFs hold for the target; say why the others' do not."""
    reasons = {one.obs_id: reason_to_exclude(one, run_set.target) for one in observations}
    usable = Observations([one for one in observations if not reasons[one.obs_id]])
    excluded = {str(obs_id): reason for obs_id, reason in reasons.items() if reason}
    return Found(StepFindings(excluded=excluded), {}, usable)


def pointing_of(observation: Observation) -> SkyCoord:
    """Return the pointing in the middle of an observation."""
    return observation.get_pointing_icrs(observation.tmid)


def is_point_like(observations: Sequence[Observation]) -> bool:
    """Tell if the IRFs hold only after a cut in angle to the source."""
    return bool(observations[0].aeff.is_pointlike)


def reason_to_exclude(observation: Observation, position: SkyCoord) -> str | None:
    """Say why an observation cannot enter a spectrum of a source at `position`; None if it can.

    Point-like IRFs of a single offset hold at this offset only.
    """
    offset = observation.aeff.axes["offset"]
    low, high = offset.edges.to_value("deg")[[0, -1]]
    if not is_point_like([observation]) or offset.nbin > 1 or low == high:
        return None
    separation = pointing_of(observation).separation(position).deg
    if low <= separation <= high:
        return None
    return f"target {separation:.2f}° off axis, IRFs for {low:.2f}° to {high:.2f}°"


def off_angles(separation: float, radius: float, wanted: int) -> tuple[float, ...]:
    """Return position angles of off regions relative to the source's, seen from the pointing.

    Parameters
    ----------
    separation
        Angle between source and pointing in deg.
    radius
        Radius of every region in deg.
    wanted
        Number of off regions at most. There are fewer where they would overlap, and none if even
        the opposite one would overlap the source's.

    Returns
    -------
    tuple of float
        Angles in deg, evenly spread.
    """
    if separation <= radius:
        return ()
    fitting = int(math.pi / math.asin(min(1.0, radius / separation) * 0.999999)) - 1
    n_off = min(wanted, fitting)
    return tuple(360.0 * k / (n_off + 1) for k in range(1, n_off + 1))


def off_positions(pointing: SkyCoord, target: SkyCoord, angles: Iterable[float]) -> list[SkyCoord]:
    """Return sky positions of off regions: the target turned around the pointing by `angles`."""
    angle, separation = pointing.position_angle(target), pointing.separation(target)
    return [pointing.directional_offset_by(angle + turn * u.deg, separation) for turn in angles]


def livetime(observations: Iterable[Observation]) -> float:
    """Return the summed livetime in s."""
    return float(np.sum([o.observation_live_time_duration.to_value("s") for o in observations]))
