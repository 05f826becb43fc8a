"""What the dl2-converter decides: one DL1 run in, one DL2 run out."""

from foa.jobs import JobSpec, Wait
from foa.manifests import Dl2Ready, FileStamp, Frozen, Manifest, Models, RunFailed, RunSelected
from foa.tree import Report, RunTree

NAME = "dl2-converter"


class Dl2Request(Frozen):
    """What the stage is asked."""

    dl1: FileStamp
    models: Models


class Dl2Facts(Frozen):
    """What the stage found out about the run, in s (lstchain.reco.utils.get_effective_time)."""

    effective_s: float
    elapsed_s: float


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Every run is converted, whatever its grade."""
    assert isinstance(manifest, RunSelected)
    models = manifest.run.models
    return JobSpec(Dl2Request(dl1=manifest.run.dl1, models=models), models.production)


def conclude(manifest: Manifest, report: Report) -> list[Manifest]:
    """The run is reconstructed, or goes no further."""
    assert isinstance(manifest, RunSelected)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    facts = Dl2Facts.model_validate(report.facts)
    return [
        Dl2Ready(
            request=manifest.request, obs_id=manifest.obs_id, obs_ids=manifest.obs_ids, run=manifest.run,
            dl2=report.product("dl2"), effective_s=facts.effective_s, elapsed_s=facts.elapsed_s,
        )
    ]  # fmt: skip
