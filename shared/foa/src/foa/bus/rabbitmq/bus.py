"""A service's bus over RabbitMQ; handlers run on the thread that asks for deliveries."""

import queue
import time
from collections.abc import Callable, Sequence

from foa.bus.consumer import Consumer, Decision
from foa.bus.port import BusAway, Delivered, Handler
from foa.bus.rabbitmq import topology
from foa.bus.rabbitmq.address import BrokerAddress
from foa.bus.rabbitmq.connection import Connection
from foa.bus.rabbitmq.messages import ATTEMPTS, REASON, Delivery, Outgoing
from foa_stage.manifests import Message

MAX_REASON = 2000
"""Characters of the reason in a header."""


class RabbitBus:
    """One service's connection to the broker."""

    def __init__(
        self,
        address: BrokerAddress,
        service: str,
        version: str,
        observe: Callable[[Delivered], None],
        consumer: Consumer,
    ) -> None:
        self._service, self._application = service, f"{service} {version}"
        self._observe, self._consumer = observe, consumer
        self._inbox: queue.Queue[Delivery] = queue.Queue()
        self._connection = Connection(address)

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` with every manifest of the service's queue."""
        self._consumer.handler = handler
        self._connection.consume(topology.queue_of(self._service), self._inbox.put)

    def start(self) -> None:
        """Connect, and stay connected."""
        self._consumer.start()
        self._connection.start()

    def stop(self) -> None:
        """Leave; deliveries that are not acknowledged come back to somebody else."""
        self._connection.stop()

    @property
    def alive(self) -> bool:
        """Tell whether the connection's thread runs, and is not stuck."""
        return self._connection.alive

    @property
    def connected(self) -> bool:
        """Tell whether the broker is there now."""
        return self._connection.connected

    @property
    def connections(self) -> int:
        """Count how often the broker was reached."""
        return self._connection.connections

    def publish(self, manifest: Message) -> None:
        """Publish a manifest, and wait until the broker has it safe.

        Raises
        ------
        BusAway
            If it does not confirm.
        """
        self.publish_all([manifest], lambda manifest: None)

    def publish_all(self, manifests: Sequence[Message], safe: Callable[[Message], None]) -> None:
        """Publish several manifests, and wait once until the broker has all of them safe.

        Parameters
        ----------
        safe
            Called with each manifest that the broker has safe.

        Raises
        ------
        BusAway
            If it does not confirm, or no queue takes some of them; these may be published again.
        """
        messages = [
            Outgoing.carrying(manifest, topology.EXCHANGE, self._application)
            for manifest in manifests
        ]
        returned = set(self._connection.send(messages))
        for manifest in manifests:
            if manifest.id not in returned:
                safe(manifest)
        if returned:
            kinds = {manifest.kind for manifest in manifests if manifest.id in returned}
            raise BusAway(f"the broker has no queue for {', '.join(sorted(kinds))}")

    def deliver(self, timeout_s: float) -> bool:
        """Handle one message if one arrives in time; tell whether there was one.

        What is no manifest is parked at once; a handler that fails gets the message again, later
        and later, until it is parked too.
        """
        try:
            delivery = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return False
        begun = time.time()
        decision = self._consumer.handle(delivery.body, delivery.attempts)
        self._settle(delivery, decision)
        self._connection.acknowledge(delivery)
        waited_s, took_s = max(begun - delivery.sent, 0.0), time.time() - begun
        self._observe(Delivered(decision.outcome, waited_s, took_s))
        return True

    def _settle(self, delivery: Delivery, decision: Decision) -> None:
        if decision.outcome == "postponed":
            waiting = topology.retry_queue_of(self._service, decision.delay_s)
            headers = {ATTEMPTS: delivery.attempts + 1, REASON: _sendable(decision.reason)}
            exchange = topology.retry_exchange_of(self._service)
            self._send(Outgoing.plain(exchange, waiting, delivery.body, headers))
        elif decision.outcome == "parked":
            headers = {REASON: _sendable(decision.reason)}
            key = topology.queue_of(self._service)
            self._send(Outgoing.plain(topology.PARKING, key, delivery.body, headers))
            self._consumer.parked(delivery.body)

    def _send(self, message: Outgoing) -> None:
        if self._connection.send([message]):
            raise BusAway(f"the broker has no queue for {message.key}")


def _sendable(reason: str) -> str:
    """Return a reason that fits into a header; it may hold file names that are no text."""
    return reason[:MAX_REASON].encode(errors="backslashreplace").decode()
