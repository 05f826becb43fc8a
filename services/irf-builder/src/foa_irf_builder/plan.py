"""The plan of the irf-builder: one set of IRFs per production, declination line and profile."""

from collections.abc import Collection

from foa_stage.jobs import JobSpec, Resources, Wait
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
MIB = 1 << 20
CORES = 4
"""Cores of a job: nodes are made side by side."""
BASE_MIB = 400
"""Memory of lstchain in the process of the stage, and in that of each node."""
UNPACKED = 8
"""Memory of a node's events, relative to their file.

Measured were 6 to 7, with 300 000 and a million events.
"""


class IrfRequest(Frozen):
    """The request to the stage; runs of the same line share it, so their IRFs are made once."""

    nodes: tuple[TestNode, ...]
    irf: Irf
    min_intensity_pe: float


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Ask for the IRFs of all nodes of the run's line, with memory for a node on each core."""
    assert isinstance(manifest, RunSelected)
    run, profile = manifest.run, manifest.request.profile
    request = IrfRequest(
        nodes=run.nodes, irf=profile.irf, min_intensity_pe=profile.dl3.min_intensity_pe
    )
    at_once = min(CORES, len(run.nodes))
    return JobSpec(request, run.models.production, memory_needed(run.nodes, at_once))


def memory_needed(nodes: Collection[TestNode], at_once: int) -> int:
    """Return the memory in MiB in which so many of the nodes can be made side by side."""
    largest = max((node.dl2.size for node in nodes), default=0)
    return BASE_MIB + at_once * (BASE_MIB + UNPACKED * largest // MIB)


def nodes_at_once(nodes: Collection[TestNode], limits: Resources | None) -> int:
    """Return how many nodes to make side by side: as many as cores and memory of the job allow."""
    if limits is None:
        return 1
    possible = range(1, min(limits.cores, len(nodes)) + 1)
    fitting = [n for n in possible if memory_needed(nodes, n) <= limits.memory_mib]
    return max(fitting, default=1)


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Say that the IRFs this run needs exist, or that it goes no further."""
    assert isinstance(manifest, RunSelected)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    return [IrfReady(**about(manifest), run=manifest.run, irfs=report.products)]
