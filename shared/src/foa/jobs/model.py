"""Jobs and their endings."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, Field

from foa.manifests import Frozen


class ExitCode:
    """How a stage ends; nobody parses logs."""

    DONE = 0
    BAD_REQUEST = 2
    BAD_INPUT = 3
    """Input missing or corrupt."""
    NOTHING_LEFT = 4
    """Nothing left after cuts."""
    FINAL = (BAD_REQUEST, BAD_INPUT, NOTHING_LEFT)
    """Endings that another try would not change."""


class Resources(Frozen):
    """What a job may use."""

    memory_mib: int = Field(gt=0, description="at most, for stages whose inputs tell what they need")
    cores: int = Field(default=1, ge=1)
    time_limit_s: int = Field(gt=0)
    excluded_nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobSpec:
    """Work a service wants done: what its stage shall be asked. The key follows from it."""

    request: BaseModel
    production: str | None = None
    """Whose models the stage reads, if any: it chooses the version of the stage."""
    memory_mib: int | None = None
    """What its inputs make it need, if that can be told; else the site says."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do yet, and what is missing."""

    reason: str


class JobState(StrEnum):
    """How a job can end without having completed, in SLURM's words."""

    FAILED = "FAILED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    TIMEOUT = "TIMEOUT"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    """The scheduler will never accept it as it is."""
    LOST = "LOST"
    """Nobody knows what became of it."""


@dataclass(frozen=True)
class Completed:
    """The stage ended with 0."""

    name: str
    wall_s: float = 0.0


@dataclass(frozen=True)
class Died:
    """The job ended otherwise."""

    name: str
    state: JobState
    exit_code: int = 1
    peak_memory_mib: int = 0
    wall_s: float = 0.0
    node: str = ""
    reason: str = ""


Ending = Completed | Died


@dataclass(frozen=True)
class Job:
    """A job ready for submission."""

    name: str
    command: tuple[str, ...]
    directory: Path
    """Of the attempt: output and ending go there."""
    resources: Resources
    priority: int = 0
    """Of jobs that wait for a place, the highest goes first."""


class Executor(Protocol):
    """Runs jobs. Every method is idempotent; a job is known by its name alone."""

    def submit(self, job: Job) -> None:
        """Accept a job; one that is accepted, running or ended already is not started again."""

    def endings(self) -> list[Ending]:
        """Jobs that ended since the last call."""

    def running(self) -> list[str]:
        """Names of the jobs that run now."""
