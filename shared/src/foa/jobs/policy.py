"""What follows when a job dies: a table, not code."""

from collections.abc import Sequence
from dataclasses import dataclass

from foa.jobs.model import Died, ExitCode, JobState, Resources

MAX_ATTEMPTS = 4
MAX_MEMORY_MIB = 64_000
"""More than LSTOSA asks for the largest DL1→DL2 job (60 GB)."""
GROWTH = 1.5


@dataclass(frozen=True)
class Again:
    """Try once more, with these resources."""

    resources: Resources


@dataclass(frozen=True)
class GiveUp:
    """The work has failed."""

    reason: str


_MEMORY, _TIME, _SAME, _ONCE, _ELSEWHERE, _STOP = "more memory", "more time", "same", "once", "elsewhere", "stop"
ACTIONS = {
    JobState.OUT_OF_MEMORY: _MEMORY,
    JobState.TIMEOUT: _TIME,
    JobState.NODE_FAIL: _ELSEWHERE,
    JobState.PREEMPTED: _SAME,
    JobState.LOST: _SAME,
    JobState.CANCELLED: _STOP,
    JobState.REJECTED: _STOP,
    JobState.FAILED: _ONCE,
}


def follow_up(resources: Resources, deaths: Sequence[Died]) -> Again | GiveUp:
    """Decide after the last of `deaths`, whose job had `resources`."""
    last = deaths[-1]
    details = last.reason or f"exit {last.exit_code}, peak memory {last.peak_memory_mib} MiB"
    what = f"{last.state} ({details})"
    action = ACTIONS[last.state]
    if last.state is JobState.FAILED and last.exit_code in ExitCode.FINAL:
        return GiveUp(what)
    repeated = action == _ONCE and sum(death.state is JobState.FAILED for death in deaths) > 1
    if action == _STOP or repeated or len(deaths) >= MAX_ATTEMPTS:
        return GiveUp(f"{what} after {len(deaths)} attempts")
    if action == _MEMORY:
        more = min(int(resources.memory_mib * GROWTH), MAX_MEMORY_MIB)
        if more == resources.memory_mib:
            return GiveUp(f"{what}: needs more than {MAX_MEMORY_MIB} MiB")
        return Again(resources.model_copy(update={"memory_mib": more}))
    if action == _TIME:
        return Again(resources.model_copy(update={"time_limit_s": int(resources.time_limit_s * GROWTH)}))
    if action == _ELSEWHERE and last.node:
        return Again(resources.model_copy(update={"excluded_nodes": (*resources.excluded_nodes, last.node)}))
    return Again(resources)
