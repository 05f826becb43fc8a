"""Executor for batch schedulers: submits a job once, finds it again by name, watches all together.

A job that leaves a report has ended. The scheduler is asked only for jobs without one.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from foa.executors.client import Client
from foa.executors.port import Job
from foa.executors.scheduler import (
    QUEUE_MEMORY_S,
    SCRIPT_NAME,
    JobRecord,
    NoAnswer,
    Phase,
    Rejected,
    Submitted,
    Unsure,
)
from foa_stage.jobs import Completed, Died, Ending, JobState
from foa_stage.tree import Report, locked, write_atomic

SCRIPT = b"""#!/bin/bash
# The arguments are the stage and its request: nothing of a manifest ever enters this text.
exec "$@"
"""
NAMES_PER_CALL = 100
FIRST_INTERVAL_S, LAST_INTERVAL_S, GROWTH = 5.0, 60.0, 1.5
"""Time between two questions for silent jobs; it grows by a factor from the first to the last."""
GRACE_S = 120.0
"""A job is lost when queue, accounting and report have been silent about it for this time."""
BELIEF_S = 5.0
"""A bad ending counts when it is told again, unchanged, after this time.

Records of an accounting that comes back may be wrong for some seconds.
"""
CLOCK_SKEW_S = 60
"""Largest difference between the clocks of this host and of the scheduler."""
LIVE = (Phase.QUEUED, Phase.RUNNING)


@dataclass
class _Tracked:
    job: Job
    seen: float
    """When the scheduler last knew it."""
    since: float = 0.0
    """When its submission was first intended: it cannot have been submitted earlier."""
    accepted: bool = False
    bad_record: JobRecord | None = None
    """A bad ending that is not believed yet."""
    bad_since: float = 0.0


class BatchExecutor:
    """Runs jobs by a batch scheduler.

    A job is known by name, directory and time of submission, never by its id: schedulers that lose
    their state give ids out again.

    Parameters
    ----------
    client
        Client of the scheduler.
    first_interval_s
        Time from a submission to the first question for silent jobs.
    clock
        Returns the Unix time.
    """

    def __init__(
        self,
        client: Client,
        first_interval_s: float = FIRST_INTERVAL_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._clock = client, clock
        self._first_interval = first_interval_s
        self._tracked: dict[str, _Tracked] = {}
        self._ended: list[Ending] = []
        self._interval, self._next_query = first_interval_s, 0.0
        self._log = structlog.get_logger(executor="batch")

    def submit(self, job: Job) -> None:
        """Submit a job unless the scheduler has it; if nobody can tell, try again later."""
        if job.name in self._tracked:
            return
        tracked = _Tracked(job, seen=self._clock())
        self._tracked[job.name] = tracked
        self._settle(tracked)

    def endings(self) -> list[Ending]:
        """Return the jobs that ended since the last call.

        Those with a report are noticed at once, silent ones when the scheduler is next asked.
        """
        for tracked in list(self._tracked.values()):
            if report := Report.read(tracked.job.directory.parent):
                self._end(tracked, _reported_ending(tracked.job.name, report))
        if self._tracked and self._clock() >= self._next_query:
            self._ask()
        ended, self._ended = self._ended, []
        return ended

    def running(self) -> list[str]:
        """Return the names of the jobs that the scheduler has accepted."""
        return [name for name, tracked in self._tracked.items() if tracked.accepted]

    def _settle(self, tracked: _Tracked) -> None:
        """Find a job in the scheduler, or submit it.

        A doubtful answer is resolved by looking the job up, never by submitting it again.
        """
        script = tracked.job.directory / SCRIPT_NAME
        with locked(script.with_suffix(".lock")):  # replicas of a service may have the same job
            first = not script.exists()
            if first:
                write_atomic(script, SCRIPT)
            tracked.since = script.stat().st_mtime
            records = self._look_up([tracked], accounting=not first)
            if records is None:
                return
            if tracked.job.name in records:
                tracked.accepted = True
            else:
                self._hand_over(tracked)

    def _hand_over(self, tracked: _Tracked) -> None:
        match self._client.submit(tracked.job):
            case Submitted(job_id):
                tracked.accepted = True
                self._ask_soon()
                self._log.info("submitted", job=tracked.job.name, job_id=job_id)
            case Rejected(reason):
                self._end(tracked, Died(tracked.job.name, JobState.REJECTED, reason=reason))
            case Unsure(reason):
                self._log.warning("unsure", job=tracked.job.name, reason=reason)

    def _ask_soon(self) -> None:
        """Ask after the first interval; a steady flow of jobs does not put off what is due."""
        self._interval = self._first_interval
        due, is_alone = self._clock() + self._interval, len(self._tracked) == 1
        self._next_query = due if is_alone else min(self._next_query, due)

    def _ask(self) -> None:
        """Ask the scheduler for every job that has left no report."""
        self._interval = min(self._interval * GROWTH, LAST_INTERVAL_S)
        self._next_query = self._clock() + self._interval
        records = self._look_up(self._tracked.values())
        if records is None:
            return
        for tracked in list(self._tracked.values()):
            if record := records.get(tracked.job.name):
                self._take_note(tracked, record)
            else:
                self._miss(tracked)

    def _take_note(self, tracked: _Tracked, record: JobRecord) -> None:
        """Take note of what the scheduler says of a job."""
        tracked.seen = self._clock()
        if record.phase is not Phase.ENDED:
            tracked.accepted, tracked.bad_record = True, None
        elif record.state is None:
            self._end(tracked, Completed(record.name, record.elapsed_s))
        elif record != tracked.bad_record:
            tracked.accepted = True
            tracked.bad_record, tracked.bad_since = record, self._clock()
            self._ask_soon()
        elif self._clock() - tracked.bad_since >= BELIEF_S:
            self._end(tracked, _death(record, record.state))

    def _miss(self, tracked: _Tracked) -> None:
        """Submit a job that nobody knows if it never was; else wait, and give it up in the end."""
        if not tracked.accepted:
            self._settle(tracked)
        elif self._clock() - tracked.seen > GRACE_S:
            self._end(tracked, Died(tracked.job.name, JobState.LOST))

    def _end(self, tracked: _Tracked, ending: Ending) -> None:
        del self._tracked[tracked.job.name]
        self._ended.append(ending)

    def _look_up(
        self, wanted: Iterable[_Tracked], *, accounting: bool = True
    ) -> dict[str, JobRecord] | None:
        """Return the newest record of each job by name; None if the scheduler does not answer.

        A job that nobody can have submitted before needs no look into the accounting.
        """
        jobs = list(wanted)
        found: dict[str, JobRecord] = {}
        try:
            for start in range(0, len(jobs), NAMES_PER_CALL):
                lot = jobs[start : start + NAMES_PER_CALL]
                found |= self._records(lot, accounting=accounting)
        except NoAnswer as silence:
            self._log.warning("no answer", reason=str(silence))
            return None
        return found

    def _records(self, lot: Sequence[_Tracked], *, accounting: bool) -> dict[str, JobRecord]:
        jobs = [tracked.job for tracked in lot]
        since = int(min(tracked.since for tracked in lot)) - CLOCK_SKEW_S
        accounted = self._accounted(jobs, since) if accounting else []
        return _newest(jobs, accounted, self._client.queued(jobs))

    def _accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Return what the accounting says; nothing if it is away, but the queue still knows all."""
        try:
            return self._client.accounted(jobs, since)
        except NoAnswer:
            if self._clock() - since > QUEUE_MEMORY_S:
                raise
            return []


def _newest(
    jobs: Sequence[Job], accounted: Sequence[JobRecord], queued: Sequence[JobRecord]
) -> dict[str, JobRecord]:
    """Return the newest record of each job by name.

    Live jobs are taken from the queue, ended ones from the accounting, if that knows them already.
    """
    ours = {(job.name, str(job.directory)) for job in jobs}
    by_time = sorted(accounted, key=lambda record: record.submitted)
    found = {record.name: record for record in by_time if (record.name, record.directory) in ours}
    for record in queued:
        wanted = record.phase in LIVE or record.name not in found
        if wanted and (record.name, record.directory) in ours:
            found[record.name] = record
    return found


def _reported_ending(name: str, report: Report) -> Ending:
    if report.outcome == "done":
        return Completed(name, report.wall_s)
    return Died(name, JobState.FAILED, report.exit_code, report.peak_memory_mib, report.wall_s)


def _death(record: JobRecord, state: JobState) -> Died:
    peak_mib, wall_s = record.peak_memory_mib, record.elapsed_s
    return Died(record.name, state, record.exit_code, peak_mib, wall_s, record.host)
