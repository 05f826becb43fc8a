"""Interface to a batch scheduler, without I/O.

A scheduler builds calls and reads the answers to them; `foa.executors.transport` makes the calls,
`foa.executors.batch` decides what follows. Nothing here knows a particular scheduler.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from foa.executors.port import Job
from foa_stage.jobs import JobState

QUEUE_MEMORY_S = 240.0
"""A queue must list a job at least so long after its end: the accounting may be away meanwhile."""


class NoAnswer(Exception):
    """The scheduler did not answer, or not usefully; the message says why."""


@dataclass(frozen=True)
class Command:
    """A program to run, with its whole environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class HttpCall:
    """A request to an HTTP server."""

    method: str
    path: str
    params: Mapping[str, str] | None = None
    json: Any = None


@dataclass(frozen=True)
class Answer:
    """An answer to either kind of call."""

    source: str
    """Name of the program, or address of the server."""
    code: int
    """Exit code, or HTTP status."""
    out: str = ""
    """Standard output, or body."""
    err: str = ""
    """Standard error, or HTTP reason phrase."""


@dataclass(frozen=True)
class Submitted:
    """The scheduler accepted the job."""

    job_id: str


@dataclass(frozen=True)
class Rejected:
    """The scheduler will never accept the job as it is."""

    reason: str


@dataclass(frozen=True)
class Deferred:
    """The scheduler has not accepted the job, and may accept it later."""

    reason: str


@dataclass(frozen=True)
class Unsure:
    """The job may have been accepted: it must be looked up before it is submitted again."""

    reason: str


Submission = Submitted | Rejected | Deferred | Unsure


class Phase(StrEnum):
    """Stage of a job's life."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDING = "ending"
    """It has ended, and the scheduler cannot tell yet how."""
    ENDED = "ended"


@dataclass(frozen=True)
class JobRecord:
    """A job as queue or accounting know it. Times are Unix times."""

    job_id: str
    name: str
    phase: Phase
    state: JobState | None = None
    """How it ended; None if it completed, or has not ended."""
    submitted: int = 0
    exit_code: int = 0
    signal: int = 0
    """Signal that ended it; 0: none."""
    host: str = ""
    elapsed_s: int = 0
    peak_memory_mib: int = 0
    directory: str = ""
    """Working directory, which tells jobs of one name in two run trees apart."""


CallT_co = TypeVar("CallT_co", covariant=True)


class Scheduler(Protocol[CallT_co]):
    """Builds the calls to a scheduler and reads its answers.

    Every `read_…` method raises `NoAnswer` if the answer tells nothing; what is said of other jobs
    than those asked for is left out.
    """

    @property
    def id_variable(self) -> str:
        """Return the name of the variable that tells a job its id, as `JobRecord.job_id` has it."""

    def submission(self, job: Job) -> CallT_co:
        """Build the call that submits a job.

        The job runs the script of `foa.executors.script` in `job.directory` with `job.command` as
        arguments, appends to `out` and `err` there, is killed when it exceeds its resources, and is
        never started a second time by the scheduler.
        """

    def read_submission(self, answer: Answer) -> Submission:
        """Read whether the job was accepted."""

    def queue_query(self, jobs: Sequence[Job]) -> CallT_co:
        """Build the call for the jobs that wait, run, or ended within `QUEUE_MEMORY_S`."""

    def read_queue(self, answer: Answer, jobs: Sequence[Job]) -> list[JobRecord]:
        """Read which of the jobs the queue lists.

        A job that has ended is in phase `ENDING` unless the queue tells how it ended.
        """

    def accounting_query(self, jobs: Sequence[Job], since: int) -> CallT_co:
        """Build the call for the jobs submitted after a Unix time, ended ones included."""

    def read_accounting(self, answer: Answer, jobs: Sequence[Job]) -> list[JobRecord]:
        """Read what the accounting says of the jobs; one job may have several records."""

    def cancellations(self, records: Sequence[JobRecord]) -> Sequence[CallT_co]:
        """Build the calls that end jobs; what they answer tells nothing."""

    def test(self) -> CallT_co:
        """Build the call that asks whether jobs would be accepted, without submitting one."""

    def read_test(self, answer: Answer) -> str:
        """Read what the scheduler says to it."""
