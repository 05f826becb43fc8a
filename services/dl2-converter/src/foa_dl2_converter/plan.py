"""The plan of the dl2-converter: one DL1 run in, one DL2 run out."""

from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import (
    Dl2Ready,
    FileStamp,
    Frozen,
    Manifest,
    Models,
    RunFailed,
    RunSelected,
    about,
)
from foa_stage.tree import Report, RunTree

NAME = "dl2-converter"
MIB = 1 << 20
BASE_MIB = 800
"""Memory of lstchain and of the chunks of events being converted, with some reserve.

Measured with `make bench-dl2`: 560 MiB with two cores, about 40 more per core.
"""
EVENTS_SHARE = 0.3
"""Share of the DL1 file: the effective time needs 53 bytes per event, of 190 in the file."""
UNPACKED = 7
"""Memory of a forest of scikit-learn and its flat layout, relative to its compressed file."""


class Dl2Request(Frozen):
    """The request to the stage."""

    dl1: FileStamp
    models: Models


class Dl2Facts(Frozen):
    """The facts that the stage reports: times in s of lstchain.reco.utils.get_effective_time."""

    effective_s: float
    elapsed_s: float


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Ask for the conversion of every run, whatever its grade."""
    assert isinstance(manifest, RunSelected)
    models = manifest.run.models
    request = Dl2Request(dl1=manifest.run.dl1, models=models)
    return JobSpec(request, models.production, memory_needed(request))


def memory_needed(request: Dl2Request) -> int:
    """Return the memory in MiB that a run needs if its job has to lay the forests out.

    Events are converted in chunks; their number matters only for the effective time, and for
    pointings that have to be interpolated. Those take three times as much, which is left to the
    next attempt. Forests are mapped, but while one is laid out, scikit-learn's is in memory too.
    """
    forests = [model.size for model in request.models.files]
    content = EVENTS_SHARE * request.dl1.size + UNPACKED * max(forests, default=0) + sum(forests)
    return BASE_MIB + int(content / MIB)


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Say that the run is reconstructed, or that it goes no further."""
    assert isinstance(manifest, RunSelected)
    if report.outcome == "failed":
        return [RunFailed.after(manifest, NAME, report.reason, report.log_tail)]
    facts = Dl2Facts.model_validate(report.facts)
    return [
        Dl2Ready(
            **about(manifest), run=manifest.run, dl2=report.product("dl2"), **facts.model_dump()
        )
    ]
