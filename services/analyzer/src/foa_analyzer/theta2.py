"""theta² distributions from DL2, with the global cuts of the explore_DL2 notebook, and from DL3."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import astropy.units as u
import numpy as np
import tables
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from foa.manifests import Theta2Cuts
from foa.science.selection import SUBARRAY
from foa.stage import BadInput
from gammapy.data import Observations
from gammapy.stats import WStatCountsStatistic
from numpy.typing import NDArray

from foa_analyzer.observations import livetime, off_angles, off_positions, pointing_of
from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import Counts, Theta2

Array = NDArray[np.float64]

LST1 = EarthLocation.from_geodetic(-17.89149701 * u.deg, 28.76152611 * u.deg, 2199.88 * u.m)
"""ctapipe_io_lst.constants.LST1_LOCATION."""
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"
N_BINS = 100


class NoOffRegion(ValueError):
    """The target is too close to the pointing for an off region."""


@dataclass
class _Sums:
    """Histograms over the runs that have as many off regions as the first, so that one acceptance ratio holds."""

    edges: Array
    on: Array
    off: Array
    cut_on: float = 0.0
    cut_off: float = 0.0
    n_regions: int = 0
    n_runs: int = 0

    @classmethod
    def empty(cls, maximum: float) -> "_Sums":
        return cls(np.linspace(0, maximum, N_BINS + 1), np.zeros(N_BINS), np.zeros(N_BINS))

    def add(self, events: SkyCoord, pointing: SkyCoord, target: SkyCoord, cuts: Theta2Cuts) -> bool:
        """Count one run's events around the target and its off positions; whether it could be counted."""
        separation = pointing.separation(target).deg
        angles = off_angles(separation, float(np.sqrt(cuts.max_theta2_deg2)), cuts.n_off_regions)
        if not angles or (self.n_regions and self.n_regions != len(angles)):
            return False
        self.n_regions, self.n_runs = len(angles), self.n_runs + 1
        on = events.separation(target).deg ** 2
        off = np.concatenate([events.separation(p).deg ** 2 for p in off_positions(pointing, target, angles)])
        self.on += np.histogram(on, self.edges)[0]
        self.off += np.histogram(off, self.edges)[0]
        self.cut_on += float((on < cuts.max_theta2_deg2).sum())
        self.cut_off += float((off < cuts.max_theta2_deg2).sum())
        return True


def count(n_on: float, n_off: float, acceptance_ratio: float) -> Counts:
    """Excess and Li & Ma significance."""
    statistic = WStatCountsStatistic(n_on, n_off, acceptance_ratio)
    significance = float(statistic.sqrt_ts) if n_on + n_off > 0 else None
    return Counts(
        n_on=n_on,
        n_off=n_off,
        acceptance_ratio=acceptance_ratio,
        excess=float(statistic.n_sig),
        significance=significance,
    )


def from_dl2(runs: list[AnalysedRun], target: SkyCoord, cuts: Theta2Cuts, maximum: float) -> Theta2:
    """theta² of all runs that have DL2."""
    sums, effective = _Sums.empty(maximum), 0.0
    for run in runs:
        if run.dl2:
            events, pointing = _read_dl2(run.dl2.path, cuts)
            if sums.add(events, pointing, target, cuts):
                effective += run.effective_s or 0.0
    return _conclude(sums, cuts, "DL2", effective)


def from_dl3(observations: Observations, target: SkyCoord, cuts: Theta2Cuts, maximum: float) -> Theta2:
    """theta² of observations, whose gammaness cut is made already."""
    sums, effective = _Sums.empty(maximum), 0.0
    for observation in observations:
        energy = observation.events.energy.to_value("TeV")
        chosen = (energy > cuts.energy_tev.low) & (energy < cuts.energy_tev.high)
        if sums.add(observation.events.radec[chosen], pointing_of(observation), target, cuts):
            effective += livetime([observation])
    return _conclude(sums, cuts, "DL3", effective)


def _conclude(sums: _Sums, cuts: Theta2Cuts, level: Literal["DL2", "DL3"], effective: float) -> Theta2:
    if not sums.n_runs:
        raise NoOffRegion("the target is closer to every pointing than the theta² cut: no off region fits")
    counts = count(sums.cut_on, sums.cut_off, 1 / sums.n_regions)
    return Theta2(
        name=cuts.name, level=level, energy_min=cuts.energy_tev.low,
        energy_max=cuts.energy_tev.high, cut=cuts.max_theta2_deg2, n_runs=sums.n_runs, effective_s=effective,
        counts=counts, edges=tuple(sums.edges), on=tuple(sums.on), off=tuple(sums.off),
    )  # fmt: skip


def _read_dl2(path: Path, cuts: Theta2Cuts) -> tuple[SkyCoord, SkyCoord]:
    """Reconstructed directions of the shower events that survive the cuts, and the run's mean pointing (ICRS)."""
    try:
        with tables.open_file(path) as file:
            events = file.get_node(DL2_PARAMETERS).read()
        events = events[events["event_type"] == SUBARRAY]
        survives = (
            (events["gammaness"] > cuts.min_gammaness)
            & (events["intensity"] > cuts.min_intensity_pe)
            & (events["reco_energy"] > cuts.energy_tev.low)
            & (events["reco_energy"] < cuts.energy_tev.high)
        )
    except (OSError, LookupError, ValueError, tables.HDF5ExtError) as error:
        raise BadInput(f"{path}: not a readable DL2 file: {error}") from error
    middle = events[[len(events) // 2]]
    events = events[survives]
    pointing = _to_sky(middle["alt_tel"], middle["az_tel"], middle["dragon_time"])[0]
    return _to_sky(events["reco_alt"], events["reco_az"], events["dragon_time"]), pointing


def _to_sky(altitude: Array, azimuth: Array, unix_time: Array) -> SkyCoord:
    """Horizontal coordinates (rad) at given times to ICRS."""
    frame = AltAz(obstime=Time(unix_time, format="unix", scale="utc"), location=LST1)
    return SkyCoord(alt=altitude * u.rad, az=azimuth * u.rad, frame=frame).icrs
