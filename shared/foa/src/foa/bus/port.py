"""The interface of a bus to a daemon, and an operator of its administration.

Implemented in memory and by RabbitMQ; one contract suite tests both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from foa_stage.manifests import Message

Handler = Callable[[Message], None]
Outcome = Literal["handled", "postponed", "parked"]


class BusAway(ConnectionError):
    """The bus did not answer, or did not confirm."""


@dataclass(frozen=True)
class Delivered:
    """A message was taken from the queue, and how its handling turned out."""

    outcome: Outcome
    waited_s: float
    """In the queue."""
    took_s: float
    """To handle."""


@dataclass(frozen=True)
class Parked:
    """A message a service could not handle."""

    service: str
    position: int
    reason: str
    body: bytes


class Bus(Protocol):
    """A service's connection: brings each manifest at least once to every service that consumes it.

    Replicas of a service share its messages.  A handler that raises gets the message again, later
    and later, until it is parked; after an OSError it is not parked, for the file system is at
    fault.  What is no manifest is parked at once.  Where handlings are noted, a message whose
    handling ends the process again and again is parked too.
    """

    @property
    def alive(self) -> bool:
        """Tell whether it looks after its connection, be the bus there or away."""

    @property
    def connected(self) -> bool:
        """Tell whether manifests can be published now."""

    @property
    def connections(self) -> int:
        """Count how often the bus was reached: a new number means that it was away."""

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every manifest of the service's queue; call before `start`."""

    def start(self) -> None:
        """Connect, and stay connected."""

    def stop(self) -> None:
        """Leave; deliveries that were not handled go to another replica."""

    def publish(self, manifest: Message) -> None:
        """Publish a manifest, and wait until the bus has it safe; raises BusAway."""

    def publish_all(self, manifests: Sequence[Message], safe: Callable[[Message], None]) -> None:
        """Publish several manifests, and wait for all of them together.

        Calls `safe` with each manifest that the bus has safe; raises BusAway unless it has all.
        """

    def deliver(self, timeout_s: float) -> bool:
        """Handle one message if one arrives in time; tell whether there was one."""


class Administration(Protocol):
    """A broker to an operator."""

    def reach(self) -> None:
        """Connect as the operator, and leave; raises BusAway."""

    def declare(self) -> int:
        """Declare every queue and binding; return how many things.

        What is there stays, messages included; raises FoaError if a service must be stopped first,
        or if somebody else does the same now.
        """

    def list_parked(self, service: str) -> list[Parked]:
        """Return all parked messages of a service, left where they are."""

    def replay_parked(self, service: str, position: int | None = None) -> int:
        """Give parked messages back to their service: all, or the one at a position; count them."""

    def drop_parked(self, service: str, position: int | None = None) -> int:
        """Throw parked messages away: all, or the one at a position; count them."""
