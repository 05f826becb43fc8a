"""Jobs: what a plan asks for, what a job may use, and how it can end."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import AliasChoices, BaseModel, Field

from foa_stage.manifests import Frozen


class ExitCode:
    """Exit codes of a stage's process; nothing else is read from it."""

    DONE = 0
    BAD_REQUEST = 2
    BAD_INPUT = 3
    """Input missing or corrupt."""
    NOTHING_LEFT = 4
    """Nothing left after cuts."""
    FINAL = (BAD_REQUEST, BAD_INPUT, NOTHING_LEFT)
    """Another attempt would end the same."""


class Resources(Frozen):
    """Limits of a job."""

    memory_mib: int = Field(
        gt=0, description="at most, for stages whose inputs tell what they need"
    )
    cores: int = Field(default=1, ge=1)
    time_limit_s: int = Field(gt=0)
    excluded_hosts: tuple[str, ...] = Field(
        default=(),
        description="hosts of the cluster on which it must not run",
        # the name until version 0.1
        validation_alias=AliasChoices("excluded_hosts", "excluded_nodes"),
    )


@dataclass(frozen=True)
class JobSpec:
    """The work a manifest asks for: the request to its stage, which the key follows from."""

    request: BaseModel
    production: str | None = None
    """Of the models that the stage reads: it may choose the version of the stage."""
    memory_mib: int | None = None
    """Memory that the inputs make necessary; None: the site's number."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do yet, and what is missing."""

    reason: str


class JobState(StrEnum):
    """How a job can end without having completed."""

    FAILED = "FAILED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    TIMEOUT = "TIMEOUT"
    NODE_FAIL = "NODE_FAIL"
    """Its host failed."""
    PREEMPTED = "PREEMPTED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    """The scheduler will never accept it as it is."""
    LOST = "LOST"
    """Neither scheduler nor accounting knows it any more."""


@dataclass(frozen=True)
class Completed:
    """The job ended with exit code 0."""

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
    host: str = ""
    """Of the cluster, where known."""
    reason: str = ""


Ending = Completed | Died
