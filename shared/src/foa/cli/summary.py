"""What was found, where it lies, and what it cost."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.table import Table

from foa.manifests import AnalysisReady
from foa.service.events import JobEnded
from foa.tree import RunTree


def newest_results(tree: RunTree, request_id: str) -> Path | None:
    """Directory of the newest results of a request, by the name of its version."""
    ready = tree.manifests(request_id, AnalysisReady)
    if not ready:
        return None
    made = ready[-1].products[0].path.parent
    versions = tree.results(request_id).iterdir()
    return next((version for version in versions if version.resolve() == made), made)


def read_results(directory: Path) -> dict[str, Any]:
    """`results.json` of an analysis."""
    return dict(json.loads((directory / "results.json").read_bytes()))


def findings_table(results: dict[str, Any]) -> Table:
    """Significances of all runs and of good runs."""
    table = Table("runs", "analysis", "on", "off", "excess", "significance", title=(
        f"{results['target']['name']} ({results['phase']})"), title_justify="left")  # fmt: skip
    for name, findings in results["findings"].items():
        for theta2 in findings["theta2"]:
            _add_counts(table, name, f"θ² {theta2['level']} {theta2['name']}", theta2["counts"])
        if spectrum := findings["spectrum"]:
            _add_counts(table, name, "spectrum", spectrum["counts"])
        if sky_map := findings["sky_map"]:
            table.add_row(name, "sky map at target", "", "", "", _number(sky_map["significance"]))
        table.add_section()
    return table


def _add_counts(table: Table, runs: str, analysis: str, counts: dict[str, float | None]) -> None:
    numbers = (_number(counts[key], 0 if key in ("n_on", "n_off") else 1) for key in ("n_on", "n_off", "excess"))
    table.add_row(runs, analysis, *numbers, f"{_number(counts['significance'])} σ")


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def spectrum_lines(results: dict[str, Any]) -> list[str]:
    """Fitted models and upper limits in words."""
    lines = []
    for name, findings in results["findings"].items():
        spectrum = findings["spectrum"] or {"models": [], "upper_limit": None}
        for model in spectrum["models"]:
            values = ", ".join(
                f"{key} = {p['value']:.3g} ± {p['error'] or 0:.2g} {p['unit']}"
                for key, p in model["parameters"].items()
            )
            mark = " (preferred)" if model["name"] == spectrum["preferred"] else ""
            lines.append(f"{name} runs: {model['name']}{mark} at {model['reference']:g} TeV: {values}")
        if limit := spectrum["upper_limit"]:
            flux = "–" if limit["flux"] is None else f"{limit['flux']:.2e}"
            energies = f"{limit['energy_min']:.2g}–{limit['energy_max']:.3g} TeV"
            lines.append(f"{name} runs: not detected; flux {energies} < {flux} cm⁻² s⁻¹ (95 %)")
        lines += [f"{name} runs: {what} not available: {why}" for what, why in findings["unavailable"].items()]
    return lines


def times_table(ended: list[JobEnded], wall_s: float) -> Table:
    """Time of every stage, their sum, the critical path, and the wall time."""
    table = Table("stage", "jobs", "time (s)", title="where the time went", title_justify="left")
    per_stage: dict[str, list[float]] = defaultdict(list)
    for job in ended:
        per_stage[job.stage].append(job.ending.wall_s)
    for stage, times in per_stage.items():
        table.add_row(stage, str(len(times)), f"{sum(times):.0f}")
    table.add_section()
    table.add_row("sum of all jobs", str(len(ended)), f"{sum(job.ending.wall_s for job in ended):.0f}")
    table.add_row("critical path", "", f"{critical_path(ended):.0f}")
    table.add_row("wall time", "", f"{wall_s:.0f}")
    return table


def critical_path(ended: list[JobEnded]) -> float:
    """Time the requests would take if every job started as soon as what it needs is there."""

    def longest(stage: str, request_id: str, obs_id: int | None = None) -> float:
        times = [
            job.ending.wall_s for job in ended
            if job.stage == stage and request_id in job.request_ids and (obs_id is None or obs_id in job.obs_ids)
        ]  # fmt: skip
        return max(times, default=0.0)

    def path(request_id: str) -> float:
        runs = {obs_id for job in ended if request_id in job.request_ids for obs_id in job.obs_ids}
        through = [
            max(longest("dl2-converter", request_id, run), longest("irf-builder", request_id, run))
            + longest("dl3-maker", request_id, run)
            for run in runs
        ]
        return longest("selector", request_id) + max(through, default=0.0) + longest("analyzer", request_id)

    return max((path(request_id) for request_id in {r for job in ended for r in job.request_ids}), default=0.0)
