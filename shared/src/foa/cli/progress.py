"""What becomes of every run, stage by stage."""

from dataclasses import dataclass

from rich.table import Table

from foa.manifests import Dl2Ready, Dl3Ready, IrfReady, RequestFailed, RunFailed, RunSelected
from foa.service.embedded import Embedded
from foa.tree import RunTree

STAGES = ("dl2-converter", "irf-builder", "dl3-maker")
ANNOUNCES: dict[str, type[Dl2Ready] | type[IrfReady] | type[Dl3Ready]] = {
    "dl2-converter": Dl2Ready,
    "irf-builder": IrfReady,
    "dl3-maker": Dl3Ready,
}
MARKS = {
    "done": "[green]done[/]", "running": "[yellow]running[/]", "queued": "[blue]queued[/]",
    "waiting": "[dim]waiting[/]",
    "failed": "[red]failed[/]", "skipped": "[dim]–[/]",
}  # fmt: skip
GRADES = {"good": "[green]good[/]", "usable": "[yellow]usable[/]", "bad": "[red]bad[/]"}


@dataclass(frozen=True)
class RunState:
    """One run on its way."""

    obs_id: int
    grade: str
    stages: dict[str, str]
    reason: str = ""


def states_of(tree: RunTree, request_id: str, under_way: dict[tuple[str, int], str] | None = None) -> list[RunState]:
    """Where each run of a request stands; `under_way` says what runs or is queued just now."""
    selected = tree.newest_per_run(request_id, RunSelected)
    failed = tree.newest_per_run(request_id, RunFailed)
    ready = {stage: set(tree.newest_per_run(request_id, kind)) for stage, kind in ANNOUNCES.items()}
    states = []
    for obs_id in sorted(selected.keys() | failed.keys()):
        failure = failed.get(obs_id) if obs_id not in ready["dl3-maker"] else None
        stages = {
            stage: (under_way or {}).get((stage, obs_id)) or _stage_state(obs_id in ready[stage], stage, failure)
            for stage in STAGES
        }
        grade = str(selected[obs_id].run.grade) if obs_id in selected else ""
        states.append(RunState(obs_id, grade, stages, failure.reason if failure else ""))
    return states


def _stage_state(done: bool, stage: str, failure: RunFailed | None) -> str:
    if done:
        return "done"
    if failure:
        return "failed" if failure.stage == stage else "skipped"
    return "waiting"


def runs_table(request_id: str, states: list[RunState], analysis: str = "") -> Table:
    """Runs × stages."""
    title = f"{request_id}   analysis: {analysis}" if analysis else request_id
    table = Table("run", "grade", *STAGES, "why not", title=title, title_justify="left")
    for state in states:
        marks = [MARKS[state.stages[stage]] for stage in STAGES]
        table.add_row(str(state.obs_id), GRADES.get(state.grade, ""), *marks, state.reason[:100])
    return table


def under_way(embedded: Embedded, request_id: str) -> dict[tuple[str, int], str]:
    """What runs or is queued for a request: by stage and run, 0 for work that concerns all runs."""
    running = {name.rsplit("-", 1)[0] for name in embedded.executor.running()}
    return {
        (work.stage, getattr(manifest, "obs_id", 0) if loop.service.per_run else 0):
            "running" if f"foa-{work.stage}-{work.key}" in running else "queued"
        for loop in embedded.loops.values() for manifest, work in loop.pending() if manifest.request.id == request_id
    }  # fmt: skip


def failure_of(tree: RunTree, request_id: str) -> str | None:
    """Why a request as a whole has failed, if it has."""
    failures = tree.manifests(request_id, RequestFailed)
    return failures[-1].reason if failures else None
