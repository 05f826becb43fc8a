"""On and off counts: histograms of theta², excess and significance."""

from collections.abc import Iterable
from dataclasses import dataclass
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
class OnOffHistograms:
    """Histograms of theta² over runs.

    All these runs have as many off regions as the first, so that one acceptance ratio holds.
    """

    cuts: Theta2Cuts
    edges: Array
    on: Array
    off: Array
    cut_on: float = 0.0
    cut_off: float = 0.0
    n_regions: int = 0
    n_runs: int = 0
    effective_s: float = 0.0

    @classmethod
    def empty(cls, cuts: Theta2Cuts, maximum: float) -> Self:
        """Return empty histograms from 0 to `maximum` (deg²)."""
        return cls(cuts, np.linspace(0, maximum, N_BINS + 1), np.zeros(N_BINS), np.zeros(N_BINS))

    def add(
        self, events: SkyCoord, pointing: SkyCoord, target: SkyCoord, effective_s: float
    ) -> bool:
        """Count one run's events around the target and its off positions.

        Returns
        -------
        bool
            False if the run has no off region, or not as many as the first: it is left out.
        """
        limit = self.cuts.max_theta2_deg2
        separation = pointing.separation(target).deg
        angles = off_angles(separation, float(np.sqrt(limit)), self.cuts.n_off_regions)
        if not angles or (self.n_regions and self.n_regions != len(angles)):
            return False
        self.n_regions, self.n_runs = len(angles), self.n_runs + 1
        on = _theta2(events, [target])
        off = _theta2(events, off_positions(pointing, target, angles))
        self.on += np.histogram(on, self.edges)[0]
        self.off += np.histogram(off, self.edges)[0]
        self.cut_on += float((on < limit).sum())
        self.cut_off += float((off < limit).sum())
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
        histograms = {name: tuple(getattr(self, name)) for name in ("edges", "on", "off")}
        return Theta2(
            **_describe_cuts(self.cuts),
            **histograms,
            level=level,
            n_runs=self.n_runs,
            effective_s=self.effective_s,
            counts=count(self.cut_on, self.cut_off, 1 / self.n_regions),
        )


def _theta2(events: SkyCoord, positions: Iterable[SkyCoord]) -> Array:
    """Return the squared angles (deg²) of all events to each of the positions."""
    return np.concatenate([events.separation(position).deg ** 2 for position in positions])


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
