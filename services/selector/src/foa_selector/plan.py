"""What the selector decides: one request in, one manifest per run out."""

from foa.jobs import JobSpec, Wait
from foa.manifests import (
    Frozen,
    Manifest,
    Request,
    RequestFailed,
    RequestSubmitted,
    Run,
    RunFailed,
    RunSelected,
)
from foa.tree import Report, RunTree

NAME = "selector"


class SelectionRequest(Frozen):
    """What the stage is asked: `inputs` makes new files in the archive new work."""

    request: Request
    inputs: str


class UnreadableRun(Frozen):
    """A run of the target that cannot be analysed."""

    obs_id: int
    reason: str


class SelectedRuns(Frozen):
    """What the stage found."""

    runs: tuple[Run, ...]
    unreadable: tuple[UnreadableRun, ...]


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Every request is one piece of work."""
    assert isinstance(manifest, RequestSubmitted)
    return JobSpec(SelectionRequest(request=manifest.request, inputs=manifest.inputs))


def conclude(manifest: Manifest, report: Report) -> list[Manifest]:
    """All runs go on, whatever their grade; those without readable data have failed."""
    assert isinstance(manifest, RequestSubmitted)
    request = manifest.request
    if report.outcome == "failed":
        return [RequestFailed(request=request, reason=f"{NAME}: {report.reason}")]
    found = SelectedRuns.model_validate(report.facts)
    obs_ids = tuple(sorted([r.obs_id for r in found.runs] + [r.obs_id for r in found.unreadable]))
    selected = [RunSelected(request=request, obs_id=run.obs_id, obs_ids=obs_ids, run=run) for run in found.runs]
    failed = [
        RunFailed(request=request, obs_id=run.obs_id, obs_ids=obs_ids, stage=NAME, reason=run.reason)
        for run in found.unreadable
    ]
    return [*selected, *failed]
