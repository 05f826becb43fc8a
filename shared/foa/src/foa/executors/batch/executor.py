"""Executor for batch schedulers: submits a job once, finds it again by name, watches all together.

A job that leaves a report has ended. The scheduler is asked only for jobs without one.
"""

import math
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

import structlog

from foa.executors.batch.breaker import CircuitBreaker
from foa.executors.batch.cancellations import Cancellations
from foa.executors.batch.deaths import death_of
from foa.executors.batch.lookup import LIVE, Lookup
from foa.executors.batch.pace import FIRST_INTERVAL_S, Pace
from foa.executors.batch.submissions import Submissions
from foa.executors.batch.tracked import TrackedJob
from foa.executors.client import Client
from foa.executors.patience import FIRST_PAUSE_S, Patience
from foa.executors.port import Job
from foa.executors.scheduler import (
    JobRecord,
    NoAnswer,
    Phase,
    Rejected,
    Submission,
    Submitted,
)
from foa_stage.jobs import Completed, Died, Ending, JobState

GRACE_S = 120.0
"""A job is lost when queue, accounting and report have been silent about it for this time."""
SUBMITTING_S = 1.0
"""Time of a turn after which no other lot of jobs is submitted."""
BELIEF_S = 5.0
"""A bad ending counts when it is told again, unchanged, after this time.

Records of an accounting that comes back may be wrong for some seconds.
"""
REPORTS_PER_TURN = 500
"""Reports of so many jobs are looked for in a turn: of 10 000 jobs, all within 20 turns."""


class Clock(Protocol):
    """The host's clocks, as the module `time` has them."""

    def monotonic(self) -> float:
        """Return a time in seconds that only goes on: all intervals are measured with it."""

    def time(self) -> float:
        """Return the Unix time, which somebody may set."""


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
    first_pause_s
        Time from a first refusal, or question without an answer, to the next.
    clock
        Tells the times.
    """

    def __init__(
        self,
        client: Client,
        first_interval_s: float = FIRST_INTERVAL_S,
        first_pause_s: float = FIRST_PAUSE_S,
        clock: Clock = time,
    ) -> None:
        self._now = now = clock.monotonic
        self._client = CircuitBreaker(client, now, first_pause_s)
        self._lookup = Lookup(self._client, clock.time)
        patience = Patience(now, first_pause_s)
        self._submissions = Submissions(self._client, self._lookup, patience, now)
        self._cancellations = Cancellations(self._client, self._lookup, now)
        self._pace = Pace(now, first_interval_s)
        self._tracked: dict[str, TrackedJob] = {}
        self._ended: list[Ending] = []
        self._changed = -math.inf
        """When a job last came or ended."""
        self._to_look_at: Iterator[TrackedJob] = iter(())
        """Jobs whose reports are still to be looked for in this round."""
        self._log = structlog.get_logger(executor="batch")

    def submit(self, job: Job) -> None:
        """Take charge of a job; it is found or submitted at the next calls of `endings`."""
        if job.name not in self._tracked:
            one = TrackedJob(job)
            one.is_old = one.find_script()
            self._tracked[job.name] = one
            self._changed = self._now()

    def endings(self) -> list[Ending]:
        """Find or submit waiting jobs, and return the jobs that ended since the last call.

        Those with a report are noticed soon, silent ones when the scheduler is next asked.
        """
        self._client.begin_turn()
        self._notice_reports()
        self._end_cancelled()
        self._watch()  # first: submissions may take all the time of a turn
        self._submit_waiting()
        ended, self._ended = self._ended, []
        return ended

    def running(self) -> list[str]:
        """Return the names of the jobs that the scheduler has accepted."""
        return [one.name for one in self._of(accepted=True)]

    def cancel(self, name: str) -> None:
        """End a job; one that the scheduler has ends when the scheduler says so."""
        if one := self._tracked.get(name):
            self._cancellations.want(one)

    def _of(self, *, accepted: bool) -> list[TrackedJob]:
        return [one for one in self._tracked.values() if one.accepted is accepted]

    def _to_submit(self) -> list[TrackedJob]:
        return [one for one in self._of(accepted=False) if not one.cancelled]

    def _notice_reports(self) -> None:
        """Look for the reports of the next jobs of a round; a round is over all jobs."""
        some = list(islice(self._to_look_at, REPORTS_PER_TURN))
        if not some:
            self._to_look_at = iter(list(self._tracked.values()))
            some = list(islice(self._to_look_at, REPORTS_PER_TURN))
        for one in some:
            if ending := one.reported_ending():
                self._end(one, ending)

    def _end_cancelled(self) -> None:
        cancelled = [one for one in self._tracked.values() if one.cancelled]
        for one, record in self._cancellations.carry_out(cancelled):
            if record:
                self._take_note(one, record)
            elif not one.accepted:
                self._end(one, Died(one.name, JobState.CANCELLED))

    def _submit_waiting(self) -> None:
        """Find or submit lots of jobs until none waits, one is refused, or time is up."""
        deadline = self._now() + SUBMITTING_S
        while answers := self._submissions.advance(self._to_submit(), self._changed):
            for one, answer in answers:
                if isinstance(answer, JobRecord):
                    self._take_note(one, answer)
                else:
                    self._take_answer(one, answer)
            if self._now() >= deadline:
                break
        self._submissions.explain(self._to_submit())

    def _take_answer(self, one: TrackedJob, answer: Submission) -> None:
        """Take note of the answer to a submission; after a refusal the job goes on waiting."""
        if isinstance(answer, Submitted):
            self._accept(one)
            self._log.info("submitted", job=one.name, job_id=answer.job_id)
        elif isinstance(answer, Rejected):
            self._end(one, Died(one.name, JobState.REJECTED, reason=answer.reason))

    def _watch(self) -> None:
        watched = self._of(accepted=True)
        if not watched:
            self._pace.rest()
        elif self._pace.is_due:
            self._pace.slow_down()
            self._ask(watched)

    def _ask(self, watched: Sequence[TrackedJob]) -> None:
        """Ask the scheduler for jobs without a report, first for those not asked for longest."""
        try:
            found = self._lookup.records(sorted(watched, key=lambda one: one.asked))
        except NoAnswer:
            return
        for one in watched:
            if one.name in found:
                one.asked = self._now()
                self._hear(one, found[one.name])

    def _hear(self, one: TrackedJob, record: JobRecord | None) -> None:
        """Take note of the answer to a question for a job; None: the scheduler does not know it."""
        if record:
            self._take_note(one, record)
        elif self._now() - one.seen > GRACE_S:
            self._end(one, one.reported_ending() or Died(one.name, JobState.LOST))

    def _take_note(self, one: TrackedJob, record: JobRecord) -> None:
        """Take note of what the scheduler says of a job."""
        self._accept(one)
        if record.phase in LIVE:
            one.bad_record = None
        elif ending := one.reported_ending():
            self._end(one, ending)
        else:
            self._take_note_of_end(one, record)

    def _take_note_of_end(self, one: TrackedJob, record: JobRecord) -> None:
        """Take note of what the scheduler says of the end of a job without a report."""
        if record.phase is Phase.ENDING:
            one.bad_record = None
        elif record.state is None:
            self._end(one, Completed(record.name, record.elapsed_s))
        elif record != one.bad_record:
            one.bad_record, one.bad_since = record, self._now()
            self._pace.hasten()
        elif self._now() - one.bad_since >= BELIEF_S:
            self._end(one, death_of(one, record, record.state))

    def _accept(self, one: TrackedJob) -> None:
        """Watch a job that the scheduler has."""
        one.seen = self._now()
        if not one.accepted:
            one.accepted = True
            one.stop_waiting()
            self._pace.hasten()

    def _end(self, one: TrackedJob, ending: Ending) -> None:
        """Let a job have ended, unless it has."""
        if self._tracked.get(one.name) is one:
            one.stop_waiting()
            del self._tracked[one.name]
            self._ended.append(ending)
            self._changed = self._now()
