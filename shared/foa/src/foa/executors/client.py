"""Client of a scheduler: a scheduler and a transport joined."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from foa.executors.port import Job
from foa.executors.scheduler import (
    Answer,
    JobRecord,
    NoAnswer,
    Scheduler,
    Submission,
    Unsure,
)

CallT = TypeVar("CallT")


class Client(Protocol):
    """The interface of a scheduler to the batch executor: it remembers nothing of the answers.

    Jobs may be submitted from several threads at once.
    """

    @property
    def id_variable(self) -> str:
        """Return the name of the variable that tells a job its id."""

    def submit(self, job: Job) -> Submission:
        """Submit a job."""

    def queued(self, jobs: Sequence[Job]) -> list[JobRecord]:
        """Return the records of those jobs that the queue lists; raises NoAnswer."""

    def accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Return the accounting's records of jobs submitted after a Unix time; raises NoAnswer."""

    def cancel(self, records: Sequence[JobRecord]) -> None:
        """Ask for the end of jobs; raises NoAnswer."""

    def check(self) -> str:
        """Ask whether jobs would be accepted and return the answer; raises NoAnswer if not."""


Meter = Callable[[Client], Client]
"""Wraps a client so that its calls are counted."""


def unmetered(client: Client) -> Client:
    """Return the client as it is."""
    return client


class SchedulerClient(Generic[CallT]):
    """Client that passes a scheduler's calls to a transport.

    Parameters
    ----------
    scheduler
        Builds the calls and reads the answers.
    ask
        Makes a call and returns the answer; raises NoAnswer if there is none.
    """

    def __init__(self, scheduler: Scheduler[CallT], ask: Callable[[CallT], Answer]) -> None:
        self._scheduler, self._ask = scheduler, ask

    @property
    def id_variable(self) -> str:
        """Return the name of the variable that tells a job its id."""
        return self._scheduler.id_variable

    def submit(self, job: Job) -> Submission:
        """Submit a job; without an answer nobody knows whether it was accepted."""
        try:
            return self._scheduler.read_submission(self._ask(self._scheduler.submission(job)))
        except NoAnswer as silence:
            return Unsure(str(silence))

    def queued(self, jobs: Sequence[Job]) -> list[JobRecord]:
        """Return the records of those jobs that the queue lists; raises NoAnswer."""
        return self._scheduler.read_queue(self._ask(self._scheduler.queue_query(jobs)), jobs)

    def accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Return the accounting's records of jobs submitted after a Unix time; raises NoAnswer."""
        answer = self._ask(self._scheduler.accounting_query(jobs, since))
        return self._scheduler.read_accounting(answer, jobs)

    def cancel(self, records: Sequence[JobRecord]) -> None:
        """Ask for the end of jobs; raises NoAnswer."""
        for call in self._scheduler.cancellations(records):
            self._ask(call)

    def check(self) -> str:
        """Ask whether jobs would be accepted and return the answer; raises NoAnswer if not."""
        return self._scheduler.read_test(self._ask(self._scheduler.test()))
