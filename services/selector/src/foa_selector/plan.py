"""The plan of the selector: one request in, one manifest per run out."""

from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import (
    Frozen,
    Manifest,
    Request,
    RequestFailed,
    RequestSubmitted,
    Run,
    RunFailed,
    RunSelected,
)
from foa_stage.tree import Report, RunTree

NAME = "selector"


class SelectionRequest(Frozen):
    """The request to the stage."""

    request: Request
    inputs: str
    """Fingerprint of the archive's files: new files make new work."""


class UnreadableRun(Frozen):
    """A run of the target that cannot be analysed."""

    obs_id: int
    reason: str


class SelectedRuns(Frozen):
    """The facts that the stage reports."""

    runs: tuple[Run, ...]
    unreadable: tuple[UnreadableRun, ...]


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Make every request one piece of work."""
    assert isinstance(manifest, RequestSubmitted)
    return JobSpec(SelectionRequest(request=manifest.request, inputs=manifest.inputs))


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Let all runs go on, whatever their grade; those without readable data have failed."""
    assert isinstance(manifest, RequestSubmitted)
    request = manifest.request
    if report.outcome == "failed":
        return [RequestFailed(request=request, reason=f"{NAME}: {report.reason}")]
    found = SelectedRuns.model_validate(report.facts)
    listed: list[Run | UnreadableRun] = [*found.runs, *found.unreadable]
    obs_ids = tuple(sorted(run.obs_id for run in listed))

    def about(run: Run | UnreadableRun) -> dict[str, object]:
        return {"request": request, "obs_id": run.obs_id, "obs_ids": obs_ids}

    selected = [RunSelected.model_validate(about(run) | {"run": run}) for run in found.runs]
    failed = [
        RunFailed.model_validate(about(run) | {"stage": NAME, "reason": run.reason})
        for run in found.unreadable
    ]
    return [*selected, *failed]
