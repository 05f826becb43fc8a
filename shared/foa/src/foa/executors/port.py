"""The interface of an executor to the service loop."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from foa_stage.jobs import Ending, Resources


@dataclass(frozen=True)
class Job:
    """A job ready for submission."""

    name: str
    command: tuple[str, ...]
    directory: Path
    """Directory of the attempt: output and ending go there."""
    resources: Resources
    priority: int = 0
    """Of the jobs that wait, the one of highest priority starts first."""


class Executor(Protocol):
    """Runs jobs. Every method is idempotent; a job is known by its name and directory."""

    def submit(self, job: Job) -> None:
        """Accept a job, unless it is accepted, running or ended already."""

    def endings(self) -> list[Ending]:
        """Return the jobs that ended since the last call."""

    def running(self) -> list[str]:
        """Return the names of the jobs that run now."""
