"""Meaning of SLURM's states, and units that its commands and slurmrestd share."""

from foa.executors.scheduler import JobRecord, Phase
from foa_stage.jobs import JobState

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
TRANSIENT = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "Connection timed out",
    "Slurm temporarily unable",
    "Unexpected message received",
    "Zero Bytes were transmitted",
)
"""Errors that tell nothing about the request: the controller or its data base is away."""


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


def is_transient(error: str) -> bool:
    """Tell whether an error goes away by itself."""
    return any(text in error for text in TRANSIENT)


def minutes(seconds: int) -> int:
    """Convert a time limit to SLURM's unit, rounded up."""
    return -(-seconds // 60)


def niceness(priority: int) -> int:
    """Convert a priority to the amount by which SLURM lowers that of the job."""
    return NICE_STEP * max(TOP_PRIORITY - priority, 0)
