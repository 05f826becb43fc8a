"""What the dl2-converter decides: one DL1 run in, one DL2 run out."""

from foa.jobs import JobSpec, Wait
from foa.manifests import Dl2Ready, FileStamp, Frozen, Manifest, Models, RunFailed, RunSelected
from foa.tree import Report, RunTree

NAME = "dl2-converter"
MIB = 1 << 20
BASE_MIB = 800
"""lstchain, and the chunks of events in work: 560 with two cores (`make bench-dl2`), some 40 more a core."""
EVENTS_SHARE = 0.3
"""Of the DL1 file: the effective time needs 53 bytes an event, with 190 in the file."""
UNPACKED = 7
"""A forest as scikit-learn has it and what is made of it, against its compressed file."""


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
    request = Dl2Request(dl1=manifest.run.dl1, models=models)
    return JobSpec(request, models.production, memory_needed(request))


def memory_needed(request: Dl2Request) -> int:
    """Memory in MiB for a run, if its job is the one that lays the forests out.

    Events go through in chunks; their number matters only for the effective time, and for pointings that have to be
    interpolated: these take three times as much, which is left to another try. The forests are mapped, but one of them
    is there as scikit-learn has it while it is laid out.
    """
    forests = [model.size for model in request.models.files]
    content = EVENTS_SHARE * request.dl1.size + UNPACKED * max(forests, default=0) + sum(forests)
    return BASE_MIB + int(content / MIB)


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
