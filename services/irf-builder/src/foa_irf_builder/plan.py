"""What the irf-builder decides: one set of IRFs per production, line and profile."""

from foa.jobs import JobSpec, Wait
from foa.manifests import Frozen, IrfReady, Manifest, RunFailed, RunSelected, TestNode
from foa.manifests.profile import Irf
from foa.tree import Report, RunTree

NAME = "irf-builder"


class IrfRequest(Frozen):
    """What the stage is asked. Runs of the same line ask the same, so their IRFs are made once."""

    nodes: tuple[TestNode, ...]
    irf: Irf
    min_intensity_pe: float


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """The IRFs of all nodes of the run's line."""
    assert isinstance(manifest, RunSelected)
    profile = manifest.request.profile
    request = IrfRequest(nodes=manifest.run.nodes, irf=profile.irf, min_intensity_pe=profile.dl3.min_intensity_pe)
    return JobSpec(request, manifest.run.models.production)


def conclude(manifest: Manifest, report: Report) -> list[Manifest]:
    """The IRFs this run needs exist, or it goes no further."""
    assert isinstance(manifest, RunSelected)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    return [
        IrfReady(
            request=manifest.request, obs_id=manifest.obs_id, obs_ids=manifest.obs_ids, run=manifest.run,
            irfs=report.products,
        )
    ]  # fmt: skip
