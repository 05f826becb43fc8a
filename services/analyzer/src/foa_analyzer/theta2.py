"""theta² distributions.

From DL2 with the global cuts of lstchain's explore_DL2 notebook, and from DL3.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.data import Observation, Observations

from foa_analyzer.counting import OnOffHistograms, RunCounter, RunCounts, bin_edges
from foa_analyzer.dl2_events import read_directions, read_pointing
from foa_analyzer.figures import save
from foa_analyzer.observations import livetime, pointing_of
from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import StepFindings, Theta2
from foa_analyzer.steps import Found, RunSet
from foa_stage.manifests import Analysis, Theta2Cuts


class Dl2Counter:
    """Counts the events of DL2 files: of each only once, for all sets of cuts and of runs."""

    def __init__(self, target: SkyCoord, settings: Analysis) -> None:
        self._target, self._sets = target, settings.theta2_dl2
        self._edges = bin_edges(settings.theta2_range_deg2)
        self._known: dict[Path, list[RunCounts]] = {}

    def count(self, path: Path) -> list[RunCounts]:
        """Return what survives each set of cuts, in their order.

        Raises
        ------
        BadInput
            If the file is not readable.
        """
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: Path) -> list[RunCounts]:
        pointing = read_pointing(path)
        counters = [RunCounter(cuts, self._edges, pointing, self._target) for cuts in self._sets]
        for surviving in read_directions(path, self._sets):
            for counter, events in zip(counters, surviving, strict=True):
                counter.add(events)
        return [counter.counts for counter in counters]


def count_dl2(
    counter: Dl2Counter, run_set: RunSet, runs: Iterable[AnalysedRun]
) -> Found[list[OnOffHistograms]]:
    """Count the events of all runs that have DL2, for the steps of the sets of cuts."""
    settings = run_set.settings
    sums = [OnOffHistograms.empty(cuts, settings.theta2_range_deg2) for cuts in settings.theta2_dl2]
    for run in runs:
        if run.dl2:
            for histograms, counts in zip(sums, counter.count(run.dl2.path), strict=True):
                histograms.add(counts, run.effective_s or 0.0)
    return Found(StepFindings(), {}, sums)


def find_in_dl2(place: int, run_set: RunSet, sums: Sequence[OnOffHistograms]) -> Found[None]:
    """Find the distribution of the set of cuts in this place."""
    return _found(sums[place].describe("DL2"))


def find_in_dl3(cuts: Theta2Cuts, run_set: RunSet, observations: Observations) -> Found[None]:
    """Find the distribution in observations, whose gammaness cut is made already."""
    histograms = OnOffHistograms.empty(cuts, run_set.settings.theta2_range_deg2)
    for observation in observations:
        counter = RunCounter(cuts, histograms.edges, pointing_of(observation), run_set.target)
        counter.add(_surviving(observation, cuts))
        histograms.add(counter.counts, livetime([observation]))
    return _found(histograms.describe("DL3"))


def _surviving(observation: Observation, cuts: Theta2Cuts) -> SkyCoord:
    """Return the directions of the events in the range of energy."""
    energy = observation.events.energy.to_value("TeV")
    low, high = cuts.energy_tev.low, cuts.energy_tev.high
    return observation.events.radec[(energy > low) & (energy < high)]


def _found(theta2: Theta2) -> Found[None]:
    stem = f"theta2-{theta2.level.lower()}-{theta2.name}"
    files = {
        f"{stem}.ecsv": partial(_tabulate(theta2).write, overwrite=True),
        f"{stem}.png": partial(draw, theta2),
    }
    return Found(StepFindings(theta2=(theta2,)), files, None)


def _tabulate(theta2: Theta2) -> Table:
    low, high = theta2.edges[:-1], theta2.edges[1:]
    table = Table({"low": low, "high": high, "on": theta2.on, "off": theta2.off})
    table.meta = {"cut_deg2": theta2.cut, **theta2.counts.model_dump()}
    return table


def draw(theta2: Theta2, path: Path) -> None:
    """Draw on and normalised off distributions with the cut."""
    figure, axes = plt.subplots(figsize=(7, 4.5))
    edges, on, off = np.array(theta2.edges), np.array(theta2.on), np.array(theta2.off)
    centre = (edges[1:] + edges[:-1]) / 2
    ratio = theta2.counts.acceptance_ratio or 0.0
    axes.errorbar(centre, on, np.sqrt(on), fmt="o", ms=3, label="on")
    axes.errorbar(
        centre, off * ratio, np.sqrt(off) * ratio, fmt="s", ms=3, label=f"off × {ratio:.2f}"
    )
    axes.axvline(theta2.cut, ls="--", color="grey")
    axes.set(xlabel="θ² (deg²)", ylabel="events", xlim=(0, edges[-1]), title=_title(theta2))
    axes.legend()
    save(figure, path)


def _title(theta2: Theta2) -> str:
    excess, significance = theta2.counts.excess or 0, theta2.counts.significance or 0
    counted = f"{excess:.0f} excess, {significance:.1f} σ in {theta2.effective_s / 60:.1f} min"
    return f"{theta2.level} {theta2.name}: {counted}"
