"""What a bus can do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from foa.manifests import Manifest

Handler = Callable[[Manifest], None]
Outcome = Literal["handled", "postponed", "parked"]


@dataclass(frozen=True)
class Delivered:
    """A message was taken from the queue, and what became of it."""

    outcome: Outcome
    waited_s: float
    """In the queue."""
    took_s: float
    """To handle."""


class Bus(Protocol):
    """Delivers manifests, each at least once to every subscriber of its kind; duplicates are harmless by design."""

    def subscribe(self, kinds: tuple[str, ...], handler: Handler) -> None:
        """Call `handler` with every manifest of these kinds."""

    def publish(self, manifest: Manifest) -> None:
        """Say that something is now so."""
