"""The plan of the dl3-maker: a run's DL3 begins when both its DL2 and its IRFs exist."""

from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import (
    Dl2Ready,
    Dl3Ready,
    Frozen,
    IrfReady,
    Manifest,
    Product,
    RunFailed,
    Target,
    about,
)
from foa_stage.manifests.profile import Dl3
from foa_stage.tree import Report, RunTree

NAME = "dl3-maker"
MIB = 1 << 20
BASE_MIB = 700
"""Memory of lstchain, of IRFs and of a chunk of events, with some reserve: 470 were measured."""
EVENT_BYTES = 150
"""Memory per event of the DL2 file, with some reserve.

90 were measured where 3 % of the events pass the cuts: 1264 MiB for 9.5 million events. The
effective time needs most of them. After it, an event that passes needs 890, mainly for its
coordinates, so that a sixth of the events may pass.
"""


class Dl3Request(Frozen):
    """The request to the stage."""

    obs_id: int
    target: Target
    dl2: Product
    irfs: tuple[Product, ...]
    dl3: Dl3


class Dl3Facts(Frozen):
    """The facts that the stage reports of the file it made."""

    irf_choice: str
    made_of: tuple[str, ...]


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Join the two halves of a run."""
    assert isinstance(manifest, Dl2Ready | IrfReady)
    request, obs_id, generation = manifest.request, manifest.obs_id, manifest.generation
    dl2 = tree.newest(request.id, Dl2Ready, obs_id, generation)
    irf = tree.newest(request.id, IrfReady, obs_id, generation)
    if dl2 is None or irf is None:
        return Wait(f"run {obs_id}: no {'DL2' if dl2 is None else 'IRFs'} yet")
    settings = request.profile.dl3
    return JobSpec(
        Dl3Request(obs_id=obs_id, target=request.target, dl2=dl2.dl2, irfs=irf.irfs, dl3=settings),
        memory_mib=memory_needed(dl2.dl2),
    )


def memory_needed(dl2: Product) -> int | None:
    """Return the memory in MiB that a DL2 file needs; None if its number of events is unknown."""
    return None if dl2.events is None else BASE_MIB + EVENT_BYTES * dl2.events // MIB


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Say that the run's event list exists, or that it goes no further."""
    assert isinstance(manifest, Dl2Ready | IrfReady)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    facts = Dl3Facts.model_validate(report.facts)
    return [
        Dl3Ready(
            **about(manifest), run=manifest.run, dl3=report.product("dl3"), **facts.model_dump()
        )
    ]
