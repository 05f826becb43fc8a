"""theta² distributions.

From DL2 with the global cuts of lstchain's explore_DL2 notebook, and from DL3.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.data import Observation, Observations

from foa_analyzer.counting import OnOffHistograms
from foa_analyzer.dl2_events import read_directions
from foa_analyzer.figures import save
from foa_analyzer.observations import livetime, pointing_of
from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import StepFindings, Theta2
from foa_analyzer.steps import Found, RunSet
from foa_stage.manifests import Theta2Cuts


def find_in_dl2(cuts: Theta2Cuts, run_set: RunSet, runs: Iterable[AnalysedRun]) -> Found[None]:
    """Find the distribution in all runs that have DL2."""
    histograms = OnOffHistograms.empty(cuts, run_set.settings.theta2_range_deg2)
    for run in runs:
        if run.dl2:
            events, pointing = read_directions(run.dl2.path, cuts)
            histograms.add(events, pointing, run_set.target, run.effective_s or 0.0)
    return _found(histograms.describe("DL2"))


def find_in_dl3(cuts: Theta2Cuts, run_set: RunSet, observations: Observations) -> Found[None]:
    """Find the distribution in observations, whose gammaness cut is made already."""
    histograms = OnOffHistograms.empty(cuts, run_set.settings.theta2_range_deg2)
    for observation in observations:
        events, pointing = _surviving(observation, cuts), pointing_of(observation)
        histograms.add(events, pointing, run_set.target, livetime([observation]))
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
