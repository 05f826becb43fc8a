"""The bus of a laptop: one process, no broker.

Messages travel as bytes, as they do over the wire.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition

from foa.bus.consumer import Consumer, Decision
from foa.bus.handlings import Handlings
from foa.bus.port import Delivered, Handler, Parked
from foa.bus.retries import RETRY_DELAYS_S
from foa_stage.manifests import Message, write_manifest


@dataclass
class _Message:
    body: bytes
    sent: float = field(default_factory=time.monotonic)
    due: float = 0.0
    attempts: int = 0


class MemoryBroker:
    """Queues of services, in the order of publication, and the messages that were parked."""

    def __init__(
        self,
        consumers: Mapping[str, Sequence[str]],
        retry_delays_s: Sequence[int] = RETRY_DELAYS_S,
        *,
        retries: bool = True,
    ) -> None:
        """Take the kinds that each service consumes.

        Parameters
        ----------
        retry_delays_s
            Seconds before each further attempt; without any, a message is parked at once.
        retries
            If not, the error of a handler reaches whoever delivers.
        """
        self._retry_delays_s, self._retries = retry_delays_s, retries
        self.changed = Condition()
        self._consumers = consumers
        self._queues: dict[str, deque[_Message]] = defaultdict(deque)
        self._parked: dict[str, list[tuple[str, bytes]]] = defaultdict(list)

    def connect(
        self,
        service: str,
        observe: Callable[[Delivered], None] = lambda delivered: None,
        handlings: Handlings | None = None,
    ) -> "MemoryBus":
        """Return the connection of a service, which may note its handlings."""
        consumer = Consumer(service, handlings, self._retry_delays_s, retries=self._retries)
        return MemoryBus(self, service, observe, consumer)

    def route(self, kind: str, body: bytes) -> None:
        """Queue a message for every service that consumes its kind."""
        for service, kinds in self._consumers.items():
            if kind in kinds:
                self.enqueue(service, _Message(body))

    def enqueue(self, service: str, message: _Message) -> None:
        """Put a message at the end of a service's queue."""
        with self.changed:
            self._queues[service].append(message)
            self.changed.notify_all()

    def put_back(self, service: str, message: _Message) -> None:
        """Put a message that was taken back to the beginning of its queue."""
        with self.changed:
            self._queues[service].appendleft(message)
            self.changed.notify_all()

    def take(self, service: str) -> _Message | None:
        """Take the first message that is due."""
        now, waiting = time.monotonic(), self._queues[service]
        for message in waiting:
            if message.due <= now:
                waiting.remove(message)
                return message
        return None

    def park(self, service: str, reason: str, body: bytes) -> None:
        """Keep a message that cannot be handled."""
        self._parked[service].append((reason, body))

    @property
    def parked(self) -> list[Parked]:
        """Return all parked messages."""
        return [parked for service in self._parked for parked in self.list_parked(service)]

    def reach(self) -> None:
        """Do nothing: it is there."""

    def declare(self) -> int:
        """Do nothing: queues come into being with their first message."""
        return 0

    def list_parked(self, service: str) -> list[Parked]:
        """Return all parked messages of a service, left where they are."""
        messages = enumerate(self._parked[service])
        return [Parked(service, position, *message) for position, message in messages]

    def replay_parked(self, service: str, position: int | None = None) -> int:
        """Give parked messages back to their service; count them."""
        taken = self._take_parked(service, position)
        for parked in taken:
            self.enqueue(service, _Message(parked.body))
        return len(taken)

    def drop_parked(self, service: str, position: int | None = None) -> int:
        """Throw parked messages away; count them."""
        return len(self._take_parked(service, position))

    def _take_parked(self, service: str, position: int | None) -> list[Parked]:
        every = self.list_parked(service)
        taken = [parked for parked in every if position in (None, parked.position)]
        self._parked[service] = [(p.reason, p.body) for p in every if p not in taken]
        return taken


class MemoryBus:
    """A service's connection to the queues in memory."""

    alive, connected, connections = True, True, 1

    def __init__(
        self,
        broker: MemoryBroker,
        service: str,
        observe: Callable[[Delivered], None],
        consumer: Consumer,
    ) -> None:
        self._broker, self._service, self._observe = broker, service, observe
        self._consumer = consumer

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every manifest of the service's queue."""
        self._consumer.handler = handler

    def start(self) -> None:
        """Sweep; the queues are there."""
        self._consumer.start()

    def stop(self) -> None:
        """Do nothing: what was not handled stays in the queue."""

    def publish(self, manifest: Message) -> None:
        """Queue a manifest for every service that consumes its kind."""
        self._broker.route(manifest.kind, write_manifest(manifest))

    def publish_all(self, manifests: Sequence[Message], safe: Callable[[Message], None]) -> None:
        """Queue several manifests; call `safe` with each."""
        for manifest in manifests:
            self.publish(manifest)
            safe(manifest)

    def deliver(self, timeout_s: float = 0.0) -> bool:
        """Handle one message if one is due in time; tell whether there was one."""
        message = self._wait(timeout_s)
        if message is None:
            return False
        begun = time.monotonic()
        try:
            decision = self._consumer.handle(message.body, message.attempts)
        except BaseException:
            self._broker.put_back(self._service, message)
            raise
        self._settle(message, decision)
        took = time.monotonic() - begun
        self._observe(Delivered(decision.outcome, begun - message.sent, took))
        return True

    def _wait(self, timeout_s: float) -> _Message | None:
        """Take the first message that is due in time."""
        deadline = time.monotonic() + timeout_s
        with self._broker.changed:
            while (message := self._broker.take(self._service)) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._broker.changed.wait(min(left, 0.05))  # a postponed message may become due
        return message

    def _settle(self, message: _Message, decision: Decision) -> None:
        if decision.outcome == "postponed":
            message.attempts += 1
            message.due = time.monotonic() + decision.delay_s
            self._broker.enqueue(self._service, message)
        elif decision.outcome == "parked":
            self._broker.park(self._service, decision.reason, message.body)
            self._consumer.parked(message.body)
