"""The plan of the irf-builder: one set of IRFs per production, declination line and profile."""

from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import (
    Frozen,
    IrfReady,
    Manifest,
    RunFailed,
    RunSelected,
    TestNode,
    about,
)
from foa_stage.manifests.profile import Irf
from foa_stage.tree import Report, RunTree

NAME = "irf-builder"


class IrfRequest(Frozen):
    """The request to the stage; runs of the same line share it, so their IRFs are made once."""

    nodes: tuple[TestNode, ...]
    irf: Irf
    min_intensity_pe: float


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Ask for the IRFs of all nodes of the run's line."""
    assert isinstance(manifest, RunSelected)
    run, profile = manifest.run, manifest.request.profile
    request = IrfRequest(
        nodes=run.nodes, irf=profile.irf, min_intensity_pe=profile.dl3.min_intensity_pe
    )
    return JobSpec(request, run.models.production)


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Say that the IRFs this run needs exist, or that it goes no further."""
    assert isinstance(manifest, RunSelected)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    return [IrfReady(**about(manifest), run=manifest.run, irfs=report.products)]
