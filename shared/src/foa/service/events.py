"""What happens in a service, for whoever watches: progress, metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from foa.bus import Delivered
from foa.jobs import Completed, Ending, Resources
from foa.manifests import Manifest
from foa.tree import Report


@dataclass(frozen=True)
class Planned:
    """A manifest was planned for: it waits for another, its work was found done or under way, or a job submitted."""

    kind: str
    outcome: Literal["waits", "found", "submitted"]


@dataclass(frozen=True)
class JobEnded:
    """A job's end was noticed."""

    stage: str
    obs_ids: tuple[int, ...]
    request_ids: tuple[str, ...]
    ending: Ending
    asked: Resources
    submitted: float
    """Unix time."""
    noticed: float
    """Unix time."""
    report: Report | None
    """What its stage said, if it came to that."""

    @property
    def state(self) -> str:
        """How it ended, in SLURM's words."""
        return "COMPLETED" if isinstance(self.ending, Completed) else str(self.ending.state)


@dataclass(frozen=True)
class Announced:
    """A manifest follows from a job that has just ended."""

    manifest: Manifest


Event = Planned | JobEnded | Announced | Delivered
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Watch nothing."""
