"""How a job died, by what the scheduler says and by its claim."""

from foa.executors.batch.tracked import TrackedJob
from foa.executors.scheduler import JobRecord
from foa.executors.script import STARTED_AGAIN
from foa_stage.jobs import Died, JobState

START_S = 1
"""A job that was cancelled within this time of its start was at work before, if ever."""


def death_of(one: TrackedJob, record: JobRecord, state: JobState) -> Died:
    """Describe the death of a job that the scheduler records with a state."""
    cause = JobState.LOST if _is_lost(one, record, state) else state
    peak_mib, wall_s = record.peak_memory_mib, record.elapsed_s
    return Died(record.name, cause, record.exit_code, peak_mib, wall_s, record.host)


def _is_lost(one: TrackedJob, record: JobRecord, state: JobState) -> bool:
    """Tell whether the scheduler lost a job and had it again.

    A scheduler that has lost its state starts jobs a second time that have ended, or gives ids out
    again; it cancels a job whose id a host has already at once. A person's cancellation meets a job
    that waits, or one that is at work.
    """
    was_at_work = one.claimant() is not None and record.elapsed_s > START_S
    is_a_persons = one.cancelled or not record.host or was_at_work
    is_cancelled = state is JobState.CANCELLED and not is_a_persons
    return is_cancelled or record.exit_code == STARTED_AGAIN
