"""Look jobs up by name in the scheduler's queue and accounting."""

from collections.abc import Callable, Sequence

import structlog

from foa.executors.batch.breaker import CircuitBreaker
from foa.executors.batch.tracked import TrackedJob
from foa.executors.port import Job
from foa.executors.scheduler import QUEUE_MEMORY_S, JobRecord, NoAnswer, Phase

NAMES_PER_CALL = 500
CLOCK_SKEW_S = 60
"""Largest difference between the clocks of this host and of the scheduler."""
LIVE = (Phase.QUEUED, Phase.RUNNING)


class Lookup:
    """Finds the scheduler's records of jobs.

    Parameters
    ----------
    client
        Client of the scheduler.
    unix_time
        Returns the Unix time, as files have it.
    """

    def __init__(self, client: CircuitBreaker, unix_time: Callable[[], float]) -> None:
        self._client, self._unix_time = client, unix_time
        self._log = structlog.get_logger(executor="batch")

    def records(self, wanted: Sequence[TrackedJob]) -> dict[str, JobRecord | None]:
        """Return the record that tells about each job, by name; None for an unknown one.

        The last ones are left out if answers cease to come, or come too slowly for this turn.

        Raises
        ------
        NoAnswer
            If the scheduler does not answer at all.
        """
        found: dict[str, JobRecord | None] = {}
        for start in range(0, len(wanted), NAMES_PER_CALL):
            try:
                found |= self._ask(wanted[start : start + NAMES_PER_CALL])
            except NoAnswer:
                if not found:
                    raise
                break
        return found

    def _ask(self, lot: Sequence[TrackedJob]) -> dict[str, JobRecord | None]:
        try:
            known = self._records(lot)
        except NoAnswer as silence:
            self._log.warning("no answer", reason=str(silence))
            raise
        return {one.name: known.get(one.name) for one in lot}

    def _records(self, lot: Sequence[TrackedJob]) -> dict[str, JobRecord]:
        jobs = [one.job for one in lot]
        since = int(min(one.since for one in lot)) - CLOCK_SKEW_S
        queued = self._client.queued(jobs)  # first: it tells most, even if the accounting is silent
        return choose_records(lot, self._accounted(jobs, since), queued)

    def _accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Return what the accounting says; nothing if it is away, but the queue still knows all."""
        try:
            return self._client.accounted(jobs, since)
        except NoAnswer:
            if self._unix_time() - since > QUEUE_MEMORY_S:
                raise
            return []


def choose_records(
    lot: Sequence[TrackedJob], accounted: Sequence[JobRecord], queued: Sequence[JobRecord]
) -> dict[str, JobRecord]:
    """Return the record that tells about each attempt, by name.

    If a job has claimed the attempt, it is that job's. Else it is the newest, but for jobs that
    completed: they have done nothing, or their claim is not visible here yet. Live jobs are taken
    from the queue, ended ones from the accounting, if that knows them already.
    """
    claims = {(one.name, str(one.job.directory)): one.claimant() for one in lot}

    def tells(record: JobRecord) -> bool:
        subject = (record.name, record.directory)
        if subject not in claims:
            return False
        completed = record.phase is Phase.ENDED and record.state is None
        return record.job_id == claims[subject] or (claims[subject] is None and not completed)

    by_time = sorted(filter(tells, accounted), key=lambda record: record.submitted)
    found = {record.name: record for record in by_time}
    for record in filter(tells, queued):
        if record.phase in LIVE or record.name not in found:
            found[record.name] = record
    return found
