"""The observations of an analysis: DL3 files gathered in one GADF directory, and the geometry of their pointings."""

import math
from collections.abc import Iterable
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack
from foa.stage import BadInput
from gammapy.data import DataStore, Observation, Observations

from foa_analyzer.request import AnalysedRun


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
    for name in ("hdu-index.fits.gz", "obs-index.fits.gz"):
        tables = [Table.read(path.parent / name) for path in paths]
        vstack(tables, metadata_conflicts="silent").write(directory / name, overwrite=True)
    return directory


def open_store(directory: Path) -> Observations:
    """All observations of a GADF directory.

    Raises
    ------
    BadInput
        If it has no index files, or an observation lacks events, effective area or energy dispersion.
    """
    try:
        store = DataStore.from_dir(directory)
        observations = store.get_observations(required_irf=["aeff", "edisp"], skip_missing=False)
    except Exception as error:
        raise BadInput(f"{directory}: not a readable directory of DL3 files: {error}") from error
    if not len(observations):
        raise BadInput(f"{directory}: no observations")
    return observations


def pointing_of(observation: Observation) -> SkyCoord:
    """Pointing in the middle of an observation."""
    return observation.get_pointing_icrs(observation.tmid)


def is_point_like(observations: Observations) -> bool:
    """Whether the IRFs hold only after a cut in angle to the source."""
    return bool(observations[0].aeff.is_pointlike)


def reason_to_exclude(observation: Observation, position: SkyCoord) -> str | None:
    """Why an observation cannot enter a spectrum: point-like IRFs of one offset hold only there."""
    offset = observation.aeff.axes["offset"]
    separation = pointing_of(observation).separation(position).deg
    low, high = offset.edges.to_value("deg")[[0, -1]]
    if is_point_like([observation]) and offset.nbin == 1 and low < high and not low <= separation <= high:
        return f"target {separation:.2f}° off axis, IRFs for {low:.2f}° to {high:.2f}°"
    return None


def off_angles(separation: float, radius: float, wanted: int) -> tuple[float, ...]:
    """Position angles of off regions relative to the source's, seen from the pointing.

    At most `wanted`, evenly spread, fewer where regions of this radius (deg) would overlap; none if even the opposite
    one would.
    """
    if separation <= radius:
        return ()
    fitting = int(math.pi / math.asin(min(1.0, radius / separation) * 0.999999)) - 1
    n_off = min(wanted, fitting)
    return tuple(360.0 * k / (n_off + 1) for k in range(1, n_off + 1))


def off_positions(pointing: SkyCoord, target: SkyCoord, angles: Iterable[float]) -> list[SkyCoord]:
    """Sky positions of off regions: the target turned around the pointing."""
    angle, separation = pointing.position_angle(target), pointing.separation(target)
    return [pointing.directional_offset_by(angle + turn * u.deg, separation) for turn in angles]


def livetime(observations: Observations) -> float:
    """Summed livetime in s."""
    return float(np.sum([o.observation_live_time_duration.to_value("s") for o in observations]))
