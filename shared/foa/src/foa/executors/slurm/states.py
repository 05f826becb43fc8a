"""Meaning of SLURM's states and refusals, and its units, as commands and slurmrestd share them."""

from foa.executors.scheduler import Deferred, JobRecord, Phase, Rejected, Unsure
from foa_stage.jobs import JobState

ID_VARIABLE = "SLURM_JOB_ID"
MIB = 1 << 20
ENDED_STATES: dict[str, JobState | None] = {
    "COMPLETED": None,
    "FAILED": JobState.FAILED,
    "LAUNCH_FAILED": JobState.NODE_FAIL,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "NODE_FAIL": JobState.NODE_FAIL,
    "BOOT_FAIL": JobState.NODE_FAIL,
    "RECONFIG_FAIL": JobState.NODE_FAIL,
    "PREEMPTED": JobState.PREEMPTED,
    "CANCELLED": JobState.CANCELLED,
    "REVOKED": JobState.CANCELLED,
}
"""SLURM's states of ended jobs; None: the job completed."""
QUEUED_STATES = (
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
)
SIGKILL = 9
NEARLY_ALL = 0.9
"""Share of its memory that a killed job must have used for memory to count as the cause."""
TOP_PRIORITY, NICE_STEP = 5, 100
"""Without privileges jobs can only ask for less priority: the highest gets nice 0."""
NO_HOST = "None assigned"
PERMANENT = (
    "Invalid account",
    "Invalid partition",
    "Invalid qos",
    "Invalid feature",
    "User's group not permitted to use this partition",
    "Requested node configuration is not available",
    "Requested nodes not in this partition",
    "Requested time limit is invalid",
    "More processors requested than permitted",
    "CPU count specification invalid",
    "Memory required by task is not available",
    # limits of an association or a QOS on a single job
    "MaxWallDurationPerJob",
    "MaxCpuPerJob",
    "MaxMemPerJob",
    "MaxMemoryPerJob",
)
"""Words of refusals that stay as long as the job is as it is."""
DOUBTFUL = (
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Unexpected message received",
    "(send failure)",
    "(receive failure)",
    "(shutdown failure)",
    "Connection reset",
    # slurmrestd says so of a job that was accepted and waits for a host
    "Required node not available",
)
"""Words of answers after which the job may have been accepted."""


def host_of(nodes: str) -> str:
    """Return the host of a job; empty if it got none."""
    return "" if nodes == NO_HOST else nodes


def phase_of(word: str) -> Phase:
    """Return the phase that a state means; an unknown state is not an ending."""
    if word in ENDED_STATES:
        return Phase.ENDED
    return Phase.QUEUED if word in QUEUED_STATES else Phase.RUNNING


def queue_phase_of(word: str) -> Phase:
    """Return the phase of a job in the queue, which forgets how jobs ended."""
    phase = phase_of(word)
    return Phase.ENDING if phase is Phase.ENDED else phase


def state_of(word: str, record: JobRecord, memory_mib: int) -> JobState | None:
    """Return how a job ended; None if it completed, or has not ended.

    Without cgroups SLURM says FAILED, signal 9, of a job that it killed for its memory. Such a job
    is recognised by the memory it had used.
    """
    state = ENDED_STATES.get(word)
    killed = state is JobState.FAILED and record.signal == SIGKILL
    if killed and record.peak_memory_mib >= NEARLY_ALL * memory_mib:
        return JobState.OUT_OF_MEMORY
    return state


def refusal_of(words: str) -> Rejected | Deferred | Unsure:
    """Return what SLURM's words about a submission mean.

    An operator can put right nearly all that SLURM complains of, so only what is known to be
    permanent ends a job.
    """
    if any(text in words for text in DOUBTFUL):
        return Unsure(words)
    if any(text in words for text in PERMANENT):
        return Rejected(words)
    return Deferred(words)


def minutes(seconds: int) -> int:
    """Convert a time limit to SLURM's unit, rounded up."""
    return -(-seconds // 60)


def niceness(priority: int) -> int:
    """Convert a priority to the amount by which SLURM lowers that of the job."""
    return NICE_STEP * max(TOP_PRIORITY - priority, 0)
