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
    Veto,
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
    told: dict[str, object] = {"request": manifest.request, "generation": manifest.generation}
    if report.outcome == "failed":
        return [RequestFailed.model_validate(told | {"reason": f"{NAME}: {report.reason}"})]
    found = _without_vetoed(SelectedRuns.model_validate(report.facts), manifest.vetoes)
    told["n_runs"] = len(found.runs) + len(found.unreadable)
    selected = [{"obs_id": run.obs_id, "run": run} for run in found.runs]
    failed = [
        {"obs_id": run.obs_id, "stage": NAME, "reason": run.reason} for run in found.unreadable
    ]
    return [
        *(RunSelected.model_validate(told | run) for run in selected),
        *(RunFailed.model_validate(told | run) for run in failed),
    ]


def _without_vetoed(found: SelectedRuns, vetoes: tuple[Veto, ...]) -> SelectedRuns:
    """Return a selection in which vetoed runs cannot be analysed, and why."""
    reasons = {veto.obs_id: f"vetoed by {veto.said.who}: {veto.said.why}" for veto in vetoes}
    vetoed = tuple(
        UnreadableRun(obs_id=run.obs_id, reason=reasons[run.obs_id])
        for run in found.runs
        if run.obs_id in reasons
    )
    runs = tuple(run for run in found.runs if run.obs_id not in reasons)
    return SelectedRuns(runs=runs, unreadable=(*found.unreadable, *vetoed))
