"""Making the synthetic night, step by step, on all cores."""

import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import typer
from astropy.utils import iers

from foa.testing.night.catalogs import write_catalogs
from foa.testing.night.datacheck import write_night_wise, write_run_wise
from foa.testing.night.definition import LINES, PRODUCTION, RUNS, Layout
from foa.testing.night.observation import observe
from foa.testing.night.simulation import reconstruct_testing, simulate_testing, simulate_training, train

Step = tuple[str, Callable[..., object], tuple[object, ...]]


def make_night(root: Path, seed: int = 1) -> None:
    """Write the whole night below `root`, telling each step as it ends; a night that is complete is left alone."""
    layout = Layout(root)
    if layout.truth.exists():
        typer.echo(f"{root} holds a complete night already")
        return
    nights = sorted({run.directory_night for run in RUNS})
    nodes = sorted({node for line in LINES for node in line.testing}, key=lambda node: node.name)
    runs = [(f"observe run {run.obs_id}", observe, (layout, run, seed)) for run in RUNS]
    _in_parallel([(f"simulate training of {line.name}", simulate_training, (layout, line, seed)) for line in LINES])
    # training uses every core by itself; one process at a time, beside the rest
    truths = _in_parallel([
        *((f"train forests of {line.name}", train, (layout, line, seed)) for line in LINES),
        *((f"simulate {node.name}", simulate_testing, (layout, node, seed)) for node in nodes),
        *((f"datacheck of run {run.obs_id}", write_run_wise, (layout, run, seed)) for run in RUNS),
        ("run catalogs", write_catalogs, (layout, RUNS)),
        *runs,
    ])  # fmt: skip
    _in_parallel([
        *((f"reconstruct test gammas of {line.name}", reconstruct_testing, (layout, line)) for line in LINES),
        *((f"datacheck of night {night}", write_night_wise, (layout, night)) for night in nights),
    ])  # fmt: skip
    _write_truth(layout, seed, [truths[name] for name, *_ in runs])


def _write_truth(layout: Layout, seed: int, runs: list[object]) -> None:
    spectrum = {
        "amplitude": 3.23e-11,
        "unit": "cm-2 s-1 TeV-1",
        "reference_tev": 1.0,
        "alpha": 2.47,
        "beta_log10": 0.24,
    }
    truth = {"seed": seed, "production": PRODUCTION, "crab_spectrum": spectrum, "runs": runs}
    layout.truth.write_text(json.dumps(truth, indent=1))


def _in_parallel(steps: list[Step]) -> dict[str, object]:
    """Run steps on all cores; what each returned, by name."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        names = {pool.submit(_timed, step, *arguments): name for name, step, arguments in steps}
        results: dict[str, object] = {}
        for done in as_completed(names):
            results[names[done]], seconds = done.result()
            typer.echo(f"{seconds:6.1f} s  {names[done]}")
    return results


def _timed(step: Callable[..., object], *arguments: object) -> tuple[object, float]:
    start = time.monotonic()
    iers.conf.auto_download = False
    warnings.simplefilter("ignore")  # of ctapipe's provenance about files it did not write
    return step(*arguments), time.monotonic() - start
