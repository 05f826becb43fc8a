"""Events in a service, observed by progress and metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from foa.bus import Delivered
from foa_stage.jobs import Completed, Ending, Resources
from foa_stage.manifests import Manifest
from foa_stage.tree import Report

Decision = Literal["waits", "found", "submitted"]
"""It waits, is held, or not wanted; its work was found done or under way; a job was submitted."""


@dataclass(frozen=True)
class Planned:
    """A manifest was planned for."""

    kind: str
    decision: Decision


@dataclass(frozen=True)
class JobEnded:
    """A job's end was noticed."""

    stage: str
    obs_ids: tuple[int, ...]
    request_ids: tuple[str, ...]
    ending: Ending
    resources: Resources
    submitted: float
    """Unix time."""
    noticed: float
    """Unix time."""
    report: Report | None
    """Of its stage, if there is one."""

    @property
    def state(self) -> str:
        """Return how it ended: COMPLETED or the state of its death."""
        return "COMPLETED" if isinstance(self.ending, Completed) else str(self.ending.state)


@dataclass(frozen=True)
class Announced:
    """A manifest follows from a job that has just ended."""

    manifest: Manifest


Event = Planned | JobEnded | Announced | Delivered
Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Observe nothing."""
