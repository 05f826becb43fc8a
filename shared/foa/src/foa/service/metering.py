"""A scheduler's client that counts its commands."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import Counter, Histogram

from foa.executors import Job
from foa.executors.client import Client
from foa.executors.scheduler import Deferred, JobRecord, Rejected, Submission, Submitted

T = TypeVar("T")


class MeteredClient:
    """Delegates to a client, and counts commands and how long they took."""

    def __init__(self, client: Client, commands: Counter, answering: Histogram) -> None:
        self._client, self._commands, self._answering = client, commands, answering

    @property
    def id_variable(self) -> str:
        """Delegate without counting."""
        return self._client.id_variable

    def submit(self, job: Job) -> Submission:
        """Hand a job over, and count it."""
        outcomes = {Submitted: "ok", Rejected: "error", Deferred: "deferred"}
        return self._count(
            "submit",
            lambda: self._client.submit(job),
            lambda submission: outcomes.get(type(submission), "no answer"),
        )

    def queued(self, jobs: Sequence[Job]) -> list[JobRecord]:
        """Ask for queued jobs, and count it."""
        return self._count("queued", lambda: self._client.queued(jobs))

    def accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Ask the accounting, and count it."""
        return self._count("accounted", lambda: self._client.accounted(jobs, since))

    def cancel(self, records: Sequence[JobRecord]) -> None:
        """Ask for the end of jobs, and count it."""
        self._count("cancel", lambda: self._client.cancel(records))

    def check(self) -> str:
        """Delegate without counting."""
        return self._client.check()

    def _count(
        self,
        command: str,
        ask: Callable[[], T],
        outcome_of: Callable[[T], str] = lambda answer: "ok",
    ) -> T:
        outcome = "no answer"
        with self._answering.labels(command).time():
            try:
                answer = ask()
                outcome = outcome_of(answer)
                return answer
            finally:
                self._commands.labels(command, outcome).inc()
