"""A scheduler's client and a clock that do what a test tells them."""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from foa.executors import Executor, Job
from foa.executors.scheduler import JobRecord, NoAnswer, Phase, Submission, Submitted
from foa.executors.script import SCRIPT_NAME
from foa_stage.jobs import Ending


def record_of(job: Job, phase: Phase = Phase.RUNNING, **fields: Any) -> JobRecord:
    """Return a scheduler's record of a job; its id is 1, and `fields` are further facts."""
    return JobRecord("1", job.name, phase, directory=str(job.directory), **fields)


def intend(jobs: Iterable[Job]) -> None:
    """Leave what an earlier process leaves of jobs that it has submitted, or was about to."""
    for job in jobs:
        job.directory.mkdir(parents=True)
        (job.directory / SCRIPT_NAME).touch()


def submit(executor: Executor, *jobs: Job) -> list[Ending]:
    """Take charge of jobs, and let a turn go by; return what has ended."""
    for job in jobs:
        executor.submit(job)
    return executor.endings()


class ScriptedClient:
    """Says what a test wrote down, and notes what it is asked.

    Attributes
    ----------
    queue, accounting
        Records that are told whatever jobs are asked for.
    answers
        Answers to the next submissions.
    always
        Answer to every other submission.
    by_name
        Answers to the submissions of some jobs, whatever comes next.
    away
        Parts of the scheduler that give no answer: `queued`, `accounted`.
    calls
        Name of each call, with the names of its jobs.
    """

    id_variable = "JOB_ID"

    def __init__(self) -> None:
        self.queue: list[JobRecord] = []
        self.accounting: list[JobRecord] = []
        self.answers: list[Submission] = []
        self.always: Submission = Submitted("1")
        self.by_name: dict[str, Submission] = {}
        self.away: set[str] = set()
        self.calls: list[tuple[str, ...]] = []
        self._lock = threading.Lock()

    def submit(self, job: Job) -> Submission:
        """Return the next answer."""
        with self._lock:
            self.calls.append(("submit", job.name))
            next_answer = self.answers.pop(0) if self.answers else self.always
            return self.by_name.get(job.name, next_answer)

    def queued(self, jobs: Sequence[Job]) -> list[JobRecord]:
        """Return what the queue lists."""
        self._note("queued", jobs)
        return self.queue

    def accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Return what the accounting says."""
        self._note("accounted", jobs)
        return self.accounting

    def cancel(self, records: Sequence[JobRecord]) -> None:
        """Note the jobs whose end is asked for."""
        self.calls.append(("cancel", *(record.name for record in records)))

    def check(self) -> str:
        """Tell that jobs are accepted."""
        return "jobs are accepted"

    def count(self, what: str) -> int:
        """Count the calls of this name."""
        return sum(call[0] == what for call in self.calls)

    def submitted(self) -> list[str]:
        """Return the names of the jobs that were submitted, in order."""
        return [call[1] for call in self.calls if call[0] == "submit"]

    def _note(self, what: str, jobs: Sequence[Job]) -> None:
        self.calls.append((what, *(job.name for job in jobs)))
        if what in self.away:
            raise NoAnswer(f"{what} is away")


class Clock:
    """A host's clocks, which go on when told; the Unix time starts now, as files' times do."""

    def __init__(self) -> None:
        self._passed, self._started = 0.0, time.time()

    def monotonic(self) -> float:
        """Return the time since the start, in seconds."""
        return self._passed

    def time(self) -> float:
        """Return the Unix time."""
        return self._started + self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    def step(self, seconds: float) -> None:
        """Set the Unix time anew."""
        self._started += seconds
