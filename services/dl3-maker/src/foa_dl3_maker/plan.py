"""What the dl3-maker decides: a run whose DL2 and IRFs exist becomes DL3; the second of the two to arrive starts it."""

from foa.jobs import JobSpec, Wait
from foa.manifests import Dl2Ready, Dl3Ready, Frozen, IrfReady, Manifest, Product, RunFailed, Target
from foa.manifests.profile import Dl3
from foa.tree import Report, RunTree

NAME = "dl3-maker"


class Dl3Request(Frozen):
    """What the stage is asked."""

    obs_id: int
    target: Target
    dl2: Product
    irfs: tuple[Product, ...]
    dl3: Dl3


class Dl3Facts(Frozen):
    """What the stage says of the file it made."""

    irf_choice: str
    made_of: tuple[str, ...]


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Join the two halves of a run."""
    assert isinstance(manifest, Dl2Ready | IrfReady)
    request, obs_id = manifest.request, manifest.obs_id
    dl2 = tree.newest(request.id, Dl2Ready, obs_id)
    irf = tree.newest(request.id, IrfReady, obs_id)
    if dl2 is None or irf is None:
        return Wait(f"run {obs_id}: no {'DL2' if dl2 is None else 'IRFs'} yet")
    return JobSpec(
        Dl3Request(
            obs_id=obs_id, target=request.target, dl2=dl2.dl2, irfs=irf.irfs, dl3=request.profile.dl3
        )
    )  # fmt: skip


def conclude(manifest: Manifest, report: Report) -> list[Manifest]:
    """The run's event list exists, or it goes no further."""
    assert isinstance(manifest, Dl2Ready | IrfReady)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    facts = Dl3Facts.model_validate(report.facts)
    return [
        Dl3Ready(
            request=manifest.request, obs_id=manifest.obs_id, obs_ids=manifest.obs_ids, run=manifest.run,
            dl3=report.product("dl3"), made_of=facts.made_of, irf_choice=facts.irf_choice,
        )
    ]  # fmt: skip
