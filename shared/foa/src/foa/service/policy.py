"""The action that follows a job's death: a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foa_stage.jobs import Died, ExitCode, JobState, Resources

MAX_ATTEMPTS = 4
MAX_MEMORY_MIB = 64_000
"""More than LSTOSA asks for the largest DL1→DL2 job (60 GB)."""
GROWTH = 1.5
MAX_FAILURES = 1
"""Unexpected failures after which the work is attempted again."""


@dataclass(frozen=True)
class Again:
    """Attempt the work once more, with these resources."""

    resources: Resources


@dataclass(frozen=True)
class GiveUp:
    """The work has failed."""

    reason: str


def _same(resources: Resources, death: Died) -> Resources | None:
    return resources


def _more_memory(resources: Resources, death: Died) -> Resources | None:
    more = min(int(resources.memory_mib * GROWTH), MAX_MEMORY_MIB)
    grown = resources.model_copy(update={"memory_mib": more})
    return grown if more > resources.memory_mib else None


def _more_time(resources: Resources, death: Died) -> Resources | None:
    return resources.model_copy(update={"time_limit_s": int(resources.time_limit_s * GROWTH)})


def _elsewhere(resources: Resources, death: Died) -> Resources | None:
    excluded = (*resources.excluded_hosts, *([death.host] if death.host else []))
    return resources.model_copy(update={"excluded_hosts": excluded})


def _stop(resources: Resources, death: Died) -> Resources | None:
    return None


ACTIONS: dict[JobState, Callable[[Resources, Died], Resources | None]] = {
    JobState.OUT_OF_MEMORY: _more_memory,
    JobState.TIMEOUT: _more_time,
    JobState.NODE_FAIL: _elsewhere,
    JobState.PREEMPTED: _same,
    JobState.LOST: _same,
    JobState.CANCELLED: _stop,
    JobState.REJECTED: _stop,
    JobState.FAILED: _same,
}
"""Resources of the next attempt by how the last one died; None: there is none."""


def follow_up(resources: Resources, deaths: Sequence[Died]) -> Again | GiveUp:
    """Decide after the last of `deaths`, whose job had `resources`."""
    last = deaths[-1]
    if last.state is JobState.FAILED and last.exit_code in ExitCode.FINAL:
        return GiveUp(_describe(last))
    changed = None if _is_worn_out(deaths) else ACTIONS[last.state](resources, last)
    if changed:
        return Again(changed)
    if last.state is JobState.OUT_OF_MEMORY and resources.memory_mib >= MAX_MEMORY_MIB:
        return GiveUp(f"{_describe(last)}: needs more than {MAX_MEMORY_MIB} MiB")
    return GiveUp(f"{_describe(last)} after {len(deaths)} attempts")


def _is_worn_out(deaths: Sequence[Died]) -> bool:
    """Tell whether the work was attempted often enough."""
    failures = sum(death.state is JobState.FAILED for death in deaths)
    failed_again = deaths[-1].state is JobState.FAILED and failures > MAX_FAILURES
    return failed_again or len(deaths) >= MAX_ATTEMPTS


def _describe(death: Died) -> str:
    measured = f"exit {death.exit_code}, peak memory {death.peak_memory_mib} MiB"
    return f"{death.state} ({death.reason or measured})"
