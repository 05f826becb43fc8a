"""On and off counts: histograms of theta², excess and significance."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.stats import WStatCountsStatistic
from numpy.typing import NDArray

from foa_analyzer.observations import off_angles, off_positions
from foa_analyzer.results import Counts, Theta2
from foa_stage.manifests import Theta2Cuts

Array = NDArray[np.float64]
N_BINS = 100


class NoOffRegion(ValueError):
    """The target is too close to the pointing for an off region."""


@dataclass
class RunCounts:
    """On events of one run, then off events, in arrays of both."""

    n_regions: int
    """Off regions; 0 if none fits."""
    histograms: Array = field(default_factory=lambda: np.zeros((2, N_BINS)))
    """Of theta²."""
    below_cut: Array = field(default_factory=lambda: np.zeros(2))


class RunCounter:
    """Counts the events of one run around the target and its off positions."""

    def __init__(
        self, cuts: Theta2Cuts, edges: Array, pointing: SkyCoord, target: SkyCoord
    ) -> None:
        separation, limit = pointing.separation(target).deg, cuts.max_theta2_deg2
        angles = off_angles(separation, float(np.sqrt(limit)), cuts.n_off_regions)
        self._positions = ([target], off_positions(pointing, target, angles))
        self._edges, self._limit = edges, limit
        self.counts = RunCounts(len(angles))

    def add(self, events: SkyCoord) -> None:
        """Count a part of the events."""
        for side, positions in enumerate(self._positions):
            theta2 = _theta2(events, positions)
            self.counts.histograms[side] += np.histogram(theta2, self._edges)[0]
            self.counts.below_cut[side] += (theta2 < self._limit).sum()


@dataclass
class OnOffHistograms:
    """Histograms of theta² over runs.

    All these runs have as many off regions as the first, so that one acceptance ratio holds.
    """

    cuts: Theta2Cuts
    edges: Array
    total: RunCounts
    n_runs: int = 0
    effective_s: float = 0.0

    @classmethod
    def empty(cls, cuts: Theta2Cuts, maximum: float) -> Self:
        """Return empty histograms from 0 to `maximum` (deg²)."""
        return cls(cuts, bin_edges(maximum), RunCounts(0))

    def add(self, run: RunCounts, effective_s: float) -> bool:
        """Add one run's counts.

        Returns
        -------
        bool
            False if the run has no off region, or not as many as the first: it is left out.
        """
        if not run.n_regions or (self.n_runs and self.total.n_regions != run.n_regions):
            return False
        self.total.n_regions, self.n_runs = run.n_regions, self.n_runs + 1
        self.total.histograms += run.histograms
        self.total.below_cut += run.below_cut
        self.effective_s += effective_s
        return True

    def describe(self, level: Literal["DL2", "DL3"]) -> Theta2:
        """Return the finding.

        Raises
        ------
        NoOffRegion
            If no run could be counted.
        """
        if not self.n_runs:
            raise NoOffRegion(
                "the target is closer to every pointing than the theta² cut: no off region fits"
            )
        on, off = map(tuple, self.total.histograms)
        n_on, n_off = map(float, self.total.below_cut)
        return Theta2(
            **_describe_cuts(self.cuts),
            edges=tuple(self.edges),
            on=on,
            off=off,
            level=level,
            n_runs=self.n_runs,
            effective_s=self.effective_s,
            counts=count(n_on, n_off, 1 / self.total.n_regions),
        )


def bin_edges(maximum: float) -> Array:
    """Return the edges of the bins from 0 to `maximum` (deg²)."""
    return np.linspace(0, maximum, N_BINS + 1)


def _theta2(events: SkyCoord, positions: Iterable[SkyCoord]) -> Array:
    """Return the squared angles (deg²) of all events to each of the positions."""
    return np.array([events.separation(position).deg ** 2 for position in positions]).ravel()


def _describe_cuts(cuts: Theta2Cuts) -> dict[str, str | float]:
    low, high = cuts.energy_tev.low, cuts.energy_tev.high
    return {
        "name": cuts.name,
        "energy_min": low,
        "energy_max": high,
        "cut": cuts.max_theta2_deg2,
    }


def count(n_on: float, n_off: float, acceptance_ratio: float) -> Counts:
    """Return excess and Li & Ma significance of counts."""
    statistic = WStatCountsStatistic(n_on, n_off, acceptance_ratio)
    significance = float(statistic.sqrt_ts) if n_on + n_off > 0 else None
    counts = {"n_on": n_on, "n_off": n_off, "acceptance_ratio": acceptance_ratio}
    return Counts(**counts, excess=float(statistic.n_sig), significance=significance)
