"""Making the synthetic night, step by step, on all cores."""

import json
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from astropy.utils import iers

from foa_testing.night.catalogs import write_catalogs
from foa_testing.night.datacheck import write_night_wise, write_run_wise
from foa_testing.night.definition import LINES, PRODUCTION, RUNS, Layout
from foa_testing.night.observation import observe
from foa_testing.night.showers import CRAB_ALPHA, CRAB_AMPLITUDE, CRAB_BETA_LOG10
from foa_testing.night.simulation import (
    reconstruct_testing,
    simulate_testing,
    simulate_training,
    train,
)

CRAB_SPECTRUM = {
    "amplitude": CRAB_AMPLITUDE,
    "unit": "cm-2 s-1 TeV-1",
    "reference_tev": 1.0,
    "alpha": CRAB_ALPHA,
    "beta_log10": CRAB_BETA_LOG10,
}
"""The injected spectrum, `showers.crab_flux`."""


@dataclass(frozen=True)
class Step:
    """A function call that makes part of the night, in a process of its own."""

    title: str
    function: Callable[..., object]
    arguments: tuple[object, ...]


@dataclass
class Progress:
    """Says on standard output which steps have ended."""

    n_steps: int
    n_ended: int = 0

    def report(self, title: str, seconds: float) -> None:
        """Say that one more step has ended."""
        self.n_ended += 1
        width = len(str(self.n_steps))
        _say(f"[{self.n_ended:{width}}/{self.n_steps}] {title} … {seconds:.0f} s")


def make_night(root: Path, seed: int) -> None:
    """Write the whole night below `root`, saying how far it is; leave a complete one as it is."""
    layout = Layout(root)
    if layout.truth.exists():
        _say(f"{root} holds a complete night already")
        return
    phases = plan_phases(layout, seed)
    progress = Progress(sum(map(len, phases)))
    _say(f"{len(RUNS)} runs and their MC: {progress.n_steps} steps on {os.cpu_count()} cores")
    results: dict[str, object] = {}
    for steps in phases:
        results |= run_steps(steps, progress)
    observations = [step.title for step in chain(*phases) if step.function is observe]
    _write_truth(layout, seed, [results[title] for title in observations])


def plan_phases(layout: Layout, seed: int) -> list[list[Step]]:
    """Return the steps; each phase needs files of the one before."""
    training = [
        Step(f"training MC of line {line.name}", simulate_training, (layout, line, seed))
        for line in LINES
    ]
    forests = [
        Step(f"Random Forests of line {line.name}", train, (layout, line, seed)) for line in LINES
    ]
    observations = [Step(f"DL1 of run {run.obs_id}", observe, (layout, run, seed)) for run in RUNS]
    quick = [*_plan_nodes(layout, seed), *_plan_datachecks(layout, seed)]
    # one training at a time: each uses all cores by itself
    return [training, [forests[0], *quick, *forests[1:], *observations], _plan_summaries(layout)]


def run_steps(steps: Sequence[Step], progress: Progress) -> dict[str, object]:
    """Run steps on all cores; return what each one returned, by title."""
    spawning = multiprocessing.get_context("spawn")
    results: dict[str, object] = {}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawning) as pool:
        futures = {pool.submit(_run, step): step for step in steps}
        for ended in as_completed(futures):
            title = futures[ended].title
            results[title], seconds = ended.result()
            progress.report(title, seconds)
    return results


def _plan_nodes(layout: Layout, seed: int) -> list[Step]:
    """Return a step for each test node; lines share some of them."""
    nodes = {node for line in LINES for node in line.testing}
    return [
        Step(f"test MC of {node.name}", simulate_testing, (layout, node, seed))
        for node in sorted(nodes, key=lambda node: node.name)
    ]


def _plan_datachecks(layout: Layout, seed: int) -> list[Step]:
    """Return a step for the catalogs, and one for each run's datacheck."""
    datachecks = [
        Step(f"datacheck of run {run.obs_id}", write_run_wise, (layout, run, seed)) for run in RUNS
    ]
    return [Step("run catalogs", write_catalogs, (layout, RUNS)), *datachecks]


def _plan_summaries(layout: Layout) -> list[Step]:
    """Return the steps that need files of many others."""
    reconstructions = [
        Step(f"test DL2 of line {line.name}", reconstruct_testing, (layout, line)) for line in LINES
    ]
    nights = sorted({run.directory_night for run in RUNS})
    datachecks = [
        Step(f"datacheck of night {night}", write_night_wise, (layout, night)) for night in nights
    ]
    return [*reconstructions, *datachecks]


def _run(step: Step) -> tuple[object, float]:
    """Run a step; return what it returned and how many seconds it took."""
    start = time.monotonic()
    iers.conf.auto_download = False
    warnings.simplefilter("ignore")  # of ctapipe's provenance, about files it did not write
    return step.function(*step.arguments), time.monotonic() - start


def _write_truth(layout: Layout, seed: int, runs: Sequence[object]) -> None:
    truth = {"seed": seed, "production": PRODUCTION, "crab_spectrum": CRAB_SPECTRUM, "runs": runs}
    layout.truth.write_text(json.dumps(truth, indent=1))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
