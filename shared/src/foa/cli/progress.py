"""What becomes of every run, stage by stage."""

from dataclasses import dataclass

from rich.table import Table

from foa.manifests import RequestFailed, RunFailed, RunSelected
from foa.tree import RunTree
from foa.tree.progress import ANNOUNCED_BY, State, progress_of

STAGES = tuple(ANNOUNCED_BY)
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


def states_of(tree: RunTree, request_id: str) -> list[RunState]:
    """Where each run of a request stands, how good it is, and why it failed if it did."""
    selected = tree.newest_per_run(request_id, RunSelected)
    failed = tree.newest_per_run(request_id, RunFailed)
    states = []
    for obs_id, stages in progress_of(tree, request_id).runs.items():
        failure = failed.get(obs_id) if stages["dl3-maker"] != "done" else None
        grade = str(selected[obs_id].run.grade) if obs_id in selected else ""
        shown = {stage: _shown(state, stage, failure) for stage, state in stages.items()}
        states.append(RunState(obs_id, grade, shown, failure.reason if failure else ""))
    return states


def _shown(state: State, stage: str, failure: RunFailed | None) -> str:
    """What never came to its turn was skipped."""
    return "skipped" if state == "failed" and failure and failure.stage != stage else state


def runs_table(tree: RunTree, request_id: str) -> Table:
    """Runs × stages."""
    jobs = progress_of(tree, request_id).jobs
    analysis = jobs.get("analyzer") or jobs.get("selector")
    title = f"{request_id}   analysis: {analysis}" if analysis else request_id
    table = Table("run", "grade", *STAGES, "why not", title=title, title_justify="left")
    for state in states_of(tree, request_id):
        marks = [MARKS[state.stages[stage]] for stage in STAGES]
        table.add_row(str(state.obs_id), GRADES.get(state.grade, ""), *marks, state.reason[:100])
    return table


def failure_of(tree: RunTree, request_id: str) -> str | None:
    """Why a request as a whole has failed, if it has."""
    failures = tree.manifests(request_id, RequestFailed)
    return failures[-1].reason if failures else None
