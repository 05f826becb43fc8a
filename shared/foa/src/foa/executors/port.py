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
        """Take charge of a job; `endings` sees to it that it runs, unless it does or has ended."""

    def endings(self) -> list[Ending]:
        """Start what can be started, and return the jobs that ended since the last call.

        Must be called at every turn of the caller's loop. What cannot be started now is tried
        again at later calls; a note in the job's directory tells why (`executors.waiting`).
        """

    def running(self) -> list[str]:
        """Return the names of the jobs that were accepted and have not ended."""

    def cancel(self, name: str) -> None:
        """End a job that this executor has charge of; its ending is returned like any other."""
