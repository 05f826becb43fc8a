"""Where every run of a request stands, for people."""

from dataclasses import dataclass

from rich.table import Column, Table
from rich.text import Text

from foa.cli.output import literal
from foa.pipeline import job_services, run_services
from foa.pipeline.progress import Progress, State, progress_of
from foa_stage.manifests import RequestFailed, RunFailed, RunSelected
from foa_stage.tree import RunTree

MARKS = {
    "done": "[green]done[/]",
    "running": "[yellow]running[/]",
    "queued": "[blue]queued[/]",
    "waiting": "[dim]waiting[/]",
    "failed": "[red]failed[/]",
    "skipped": "[dim]–[/]",
}
GRADES = {"good": "[green]good[/]", "usable": "[yellow]usable[/]", "bad": "[red]bad[/]"}


@dataclass(frozen=True)
class RunState:
    """One run on its way."""

    obs_id: int
    grade: str
    stages: dict[str, str]
    reason: str = ""


def run_stages() -> tuple[str, ...]:
    """Return the stages that work on single runs, in the order in which runs go through them."""
    return tuple(service.name for service in run_services())


def states_of(tree: RunTree, request_id: str) -> list[RunState]:
    """Return where each run of a request stands, its grade, and why it failed if it did."""
    return _states_at(progress_of(tree, request_id), tree)


def _states_at(progress: Progress, tree: RunTree) -> list[RunState]:
    selected = tree.newest_per_run(progress.request_id, RunSelected)
    failed = tree.newest_per_run(progress.request_id, RunFailed)
    last = run_stages()[-1]
    states = []
    for obs_id, stages in progress.runs.items():
        failure = failed.get(obs_id) if stages[last] != "done" else None
        grade = str(selected[obs_id].run.grade) if obs_id in selected else ""
        shown = {stage: _shown(state, stage, failure) for stage, state in stages.items()}
        states.append(RunState(obs_id, grade, shown, failure.reason if failure else ""))
    return states


def _shown(state: State, stage: str, failure: RunFailed | None) -> str:
    """Tell stages that a failed run never reached from the one in which it failed."""
    return "skipped" if state == "failed" and failure and failure.stage != stage else state


def runs_table(tree: RunTree, request_id: str) -> Table:
    """Show runs × stages."""
    stages, progress = run_stages(), progress_of(tree, request_id)
    reasons = Column("why not", overflow="fold")
    table = Table("run", "grade", *stages, reasons, title=_title(progress), title_justify="left")
    for state in _states_at(progress, tree):
        marks = [MARKS[state.stages[stage]] for stage in stages]
        reason = literal(state.reason)
        table.add_row(str(state.obs_id), GRADES.get(state.grade, ""), *marks, reason)
    return table


def _title(progress: Progress) -> Text:
    """Name the request, and the job that concerns all its runs while there is one."""
    under_way = [one.name for one in job_services() if one.name in progress.jobs]
    if not under_way:
        return literal(progress.request_id)
    last = under_way[-1]
    return literal(f"{progress.request_id}   {last}: {progress.jobs[last]}")


def failure_of(tree: RunTree, request_id: str) -> str | None:
    """Return why a request as a whole has failed, if it has."""
    return failure_at(progress_of(tree, request_id), tree)


def failure_at(progress: Progress, tree: RunTree) -> str | None:
    """Return why a request whose progress is known has failed, if it has."""
    if progress.phase != "failed":
        return None
    failure = tree.newest(progress.request_id, RequestFailed)
    return failure.reason if failure else "its reason cannot be read"
