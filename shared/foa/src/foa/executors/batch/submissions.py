"""Submit jobs in lots, and what the scheduler refuses for now again later."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import structlog

from foa.executors.batch.breaker import CircuitBreaker
from foa.executors.batch.lookup import Lookup
from foa.executors.batch.tracked import TrackedJob
from foa.executors.patience import Patience
from foa.executors.scheduler import (
    Deferred,
    JobRecord,
    NoAnswer,
    Rejected,
    Submission,
    Submitted,
    Unsure,
)
from foa.executors.script import make_script
from foa_stage.tree import locked, write_atomic

LOT = 32
"""Jobs that are locked and submitted together; a turn submits lots until its time is up."""
AT_ONCE = 4
"""Submissions under way at a time."""

Refusal = Deferred | Unsure
Answered = tuple[TrackedJob, Submission | JobRecord]


class Submissions:
    """Sees to it that the scheduler gets every job once.

    Replicas of a service may have the same job, and an earlier process may have submitted it. So
    a job that anybody meant to submit is looked up first, and whoever submits it holds its lock.
    Should two jobs of an attempt be accepted nevertheless, one executes it (`executors.script`).

    Parameters
    ----------
    client
        Client of the scheduler.
    lookup
        Finds jobs that the scheduler has.
    patience
        Tells when jobs may be submitted after a refusal.
    clock
        Returns a time in seconds that only goes on.
    """

    def __init__(
        self,
        client: CircuitBreaker,
        lookup: Lookup,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self._client, self._lookup = client, lookup
        self._patience, self._clock = patience, clock
        self._log = structlog.get_logger(executor="batch")

    def advance(self, waiting: Sequence[TrackedJob], changed: float) -> list[Answered]:
        """Find or submit some of the jobs that wait, and return what the scheduler says of them.

        Parameters
        ----------
        waiting
            Jobs that the scheduler is not known to have.
        changed
            When a job last came, which may be welcome, or ended, which may make room for another.
        """
        if not waiting or not self._client.may_call or not self._patience.permits(changed):
            return []
        answers = self._try_some(waiting)
        self._learn(answers)
        return answers

    def explain(self, waiting: Sequence[TrackedJob]) -> None:
        """Write why jobs wait into their directories, of a lot at each call."""
        if reason := self._patience.reason:
            unexplained = [one for one in waiting if one.waiting != reason]
            for one in unexplained[:LOT]:
                one.note_waiting(reason)

    def _try_some(self, waiting: Sequence[TrackedJob]) -> list[Answered]:
        """Look for the jobs of an earlier process, all together; if there are none, submit a lot.

        While the scheduler refuses jobs, a lot is one job: first those that were never refused.
        """
        if old := [one for one in waiting if one.is_old]:
            return self._find(old)
        lot = sorted(waiting, key=lambda one: (one.refused, -one.job.priority))
        return self._settle(lot[: LOT if self._patience.is_calm else 1])

    def _find(self, old: Sequence[TrackedJob]) -> list[Answered]:
        try:
            found = self._lookup.records(old)
        except NoAnswer as silence:
            return [(one, Deferred(str(silence))) for one in old]
        for one in old:
            one.is_old = one.name not in found
        return _known(old, found)

    def _settle(self, lot: Sequence[TrackedJob]) -> list[Answered]:
        """Find or submit each job of a lot under its lock."""
        with ExitStack() as locks:
            failed = _lock_all(lot, locks)
            held = [one for one in lot if one.name not in failed]
            without_lock: list[Answered] = [
                (one, failed[one.name]) for one in lot if one.name in failed
            ]
            return without_lock + self._settle_locked(held)

    def _settle_locked(self, lot: Sequence[TrackedJob]) -> list[Answered]:
        try:
            found = self._lookup.records([one for one in lot if one.find_script()])
        except NoAnswer as silence:
            return [(one, Deferred(str(silence))) for one in lot]
        unknown = [one for one in lot if not found.get(one.name)]
        return _known(lot, found) + self._submit(unknown)

    def _submit(self, lot: Sequence[TrackedJob]) -> list[Answered]:
        """Submit jobs, several at once, while there is time, up to the first that is refused."""
        refused: list[int] = []

        def submit(position: int, one: TrackedJob) -> Submission | None:
            if any(earlier < position for earlier in refused) or not self._client.may_call:
                return None
            answer = self._hand_over(one)
            if isinstance(answer, Refusal):
                refused.append(position)
            return answer

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(submit, range(len(lot)), lot))
        return [(one, answer) for one, answer in zip(lot, answers, strict=True) if answer]

    def _hand_over(self, one: TrackedJob) -> Submission:
        """Submit a job whose script is written before, so that a later process looks for it."""
        try:
            self._write_script(one)
        except OSError as error:
            return Deferred(str(error))
        return self._client.submit(one.job)

    def _write_script(self, one: TrackedJob) -> None:
        if not one.find_script():
            write_atomic(one.script, make_script(self._client.id_variable).encode())
            one.find_script()

    def _learn(self, answers: Sequence[Answered]) -> None:
        """Become patient when jobs were refused, calm when jobs were accepted or rejected."""
        if any(isinstance(answer, Submitted | Rejected) for _, answer in answers):
            self._patience.accept()
        refused = [(one, answer) for one, answer in answers if isinstance(answer, Refusal)]
        for one, _ in refused:
            one.refused = self._clock()
        if refused:
            first, answer = refused[0]
            self._patience.refuse(answer.reason)
            kind = "unsure" if isinstance(answer, Unsure) else "deferred"
            self._log.warning(kind, job=first.name, reason=answer.reason, jobs=len(refused))


def _known(lot: Sequence[TrackedJob], found: Mapping[str, JobRecord | None]) -> list[Answered]:
    return [(one, record) for one in lot if (record := found.get(one.name))]


def _lock_all(lot: Sequence[TrackedJob], locks: ExitStack) -> dict[str, Deferred]:
    """Lock jobs, in the order that all replicas keep; return those that cannot be, by name."""
    failed = {}
    for one in sorted(lot, key=lambda one: one.job.directory):
        try:
            locks.enter_context(locked(one.lock))
        except OSError as error:
            failed[one.name] = Deferred(str(error))
    return failed
