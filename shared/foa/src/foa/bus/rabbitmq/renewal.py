"""Queues with other arguments than before are made anew, and keep their messages.

RabbitMQ cannot change the arguments of a queue.  The messages wait in a second queue meanwhile,
which is bound as the first one is, so whatever is published finds a place at every moment.  What is
being renewed is noted in a queue of its own, and every step may be done again: a renewal that was
broken off goes on when the queues are declared again.  Then, and while both queues are bound, a
message may come twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from foa.bus.rabbitmq.messages import sendable
from foa.bus.rabbitmq.topology import UNLIMITED
from foa.errors import FoaError

Arguments = Mapping[str, Any]
NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED = 404, 405, 406
LOCK = "foa.renewals.lock"
"""Queue that one connection at a time can have; it vanishes with the connection."""
JOURNAL = "foa.renewals"
"""Queue of the names of queues that are being renewed; it is there only meanwhile."""
TEMPORARY = {"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED}
"""Arguments of the journal, and of the queues where messages wait."""


@dataclass(frozen=True)
class Queue:
    """A queue as it should be."""

    name: str
    arguments: Arguments
    bindings: Sequence[tuple[str, str]]
    """Exchange and routing key of each."""
    feeders: Sequence[str] = ()
    """Queues whose dead letters come here by its name, which no binding can redirect."""

    @property
    def refuge(self) -> str:
        """Name the queue where its messages wait."""
        return f"{self.name}.renewal"


def queues_of(declared: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Queue]:
    """Return the queues of a topology."""
    queues = declared["queues"]
    return [
        Queue(
            queue["name"],
            queue["arguments"],
            [
                (binding["source"], binding["routing_key"])
                for binding in declared["bindings"]
                if binding["destination"] == queue["name"]
            ],
            [one["name"] for one in queues if _feeds(one["arguments"], queue["name"])],
        )
        for queue in queues
    ]


def _feeds(arguments: Arguments, name: str) -> bool:
    """Tell whether the dead letters of a queue go to the queue of a name, without an exchange."""
    keys = ("x-dead-letter-exchange", "x-dead-letter-routing-key")
    return tuple(map(arguments.get, keys)) == ("", name)


def declare_queues(connection: pika.BlockingConnection, queues: Iterable[Queue]) -> None:
    """See to it that queues are there and bound, with their arguments and messages.

    Raises
    ------
    FoaError
        If one must be made anew, and a service consumes from it, or if this is done elsewhere.
    """
    renewal = _Renewal(connection)
    renewal.begin()
    for queue in queues:
        renewal.declare(queue)
    renewal.end()


class _Renewal:
    """Declares queues at a broker, and makes those anew that have other arguments."""

    def __init__(self, connection: pika.BlockingConnection) -> None:
        self._connection = connection
        self._unfinished: set[str] = set()

    def begin(self) -> None:
        """Keep others from doing the same, and find out what was left unfinished."""
        if self._ask(RESOURCE_LOCKED, LOCK, exclusive=True) is None:
            raise FoaError("the queues are being declared by somebody else: try again later")
        self._unfinished = self._read_journal()

    def declare(self, queue: Queue) -> None:
        """See to it that a queue is there and bound, with its arguments and messages."""
        declared: dict[str, Any] = {"durable": True, "arguments": dict(queue.arguments)}
        if self._ask(PRECONDITION_FAILED, queue.name, **declared) is None:
            self._evacuate(queue)
        with self._channel() as channel:
            channel.queue_declare(queue.name, **declared)
            _bind(channel, queue.name, queue.bindings)
        if queue.name in self._unfinished:
            self._return(queue)

    def end(self) -> None:
        """Forget what was renewed."""
        with self._channel() as channel:
            channel.queue_delete(JOURNAL)

    def _read_journal(self) -> set[str]:
        """Return the names of the queues whose renewal was begun."""
        with self._channel() as channel:
            journal = channel.queue_declare(JOURNAL, durable=True, arguments=TEMPORARY)
            # not acknowledged: they return to the queue when the channel is closed
            notes = [channel.basic_get(JOURNAL)[2] for _ in range(journal.method.message_count)]
        return {note.decode() for note in notes if note}

    def _note(self, queue: Queue) -> None:
        self._unfinished.add(queue.name)
        with self._channel() as channel:
            channel.basic_publish("", JOURNAL, queue.name.encode(), mandatory=True)

    def _evacuate(self, queue: Queue) -> None:
        """Bring all messages to the second queue, and delete the first."""
        self._refuse_consumed(queue)
        self._note(queue)
        with self._channel() as channel:
            channel.queue_declare(queue.refuge, durable=True, arguments=TEMPORARY)
            _bind(channel, queue.refuge, queue.bindings)
            _unbind(channel, queue.name, queue.bindings)
            sources = [*self._existing(queue.feeders), queue.name]
            while sum(_move(channel, source, queue.refuge) for source in sources):
                pass
            self._refuse_consumed(queue)
            channel.queue_delete(queue.name)

    def _return(self, queue: Queue) -> None:
        """Bring all messages back from the second queue, if it is still there, and delete it."""
        if self._count_consumers(queue.refuge) is None:
            return
        with self._channel() as channel:
            _move(channel, queue.refuge, queue.name)
            _unbind(channel, queue.refuge, queue.bindings)
            while _move(channel, queue.refuge, queue.name):
                pass
            channel.queue_delete(queue.refuge)

    def _refuse_consumed(self, queue: Queue) -> None:
        """Raise FoaError if a service is there that reads the queue, or writes it by its name."""
        readers = (queue.name, queue.arguments.get("x-dead-letter-routing-key"))
        if any(name and self._count_consumers(name) for name in readers):
            raise FoaError(
                f"the queue {queue.name} must be made anew, and a service consumes from it:"
                " stop the service first"
            )

    def _existing(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self._count_consumers(name) is not None]

    def _count_consumers(self, name: str) -> int | None:
        """Count the consumers of a queue; None if there is no such queue."""
        found = self._ask(NOT_FOUND, name, passive=True)
        return found.consumer_count if found else None

    def _ask(self, refusal: int, name: str, **how: Any) -> pika.spec.Queue.DeclareOk | None:
        """Declare a queue; None if the broker refuses with a reply code."""
        try:
            with self._channel() as channel:
                return channel.queue_declare(name, **how).method
        except ChannelClosedByBroker as error:
            if error.reply_code != refusal:
                raise
            return None

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        with self._connection.channel() as channel:
            channel.confirm_delivery()
            yield channel


def _bind(channel: BlockingChannel, name: str, bindings: Iterable[tuple[str, str]]) -> None:
    for exchange, key in bindings:
        channel.queue_bind(name, exchange, key)


def _unbind(channel: BlockingChannel, name: str, bindings: Iterable[tuple[str, str]]) -> None:
    for exchange, key in bindings:
        channel.queue_unbind(name, exchange, key)


def _move(channel: BlockingChannel, source: str, destination: str) -> int:
    """Move all messages of a queue; count them. Each is safe there before it is removed here."""
    moved = 0
    while True:
        method, properties, body = channel.basic_get(source)
        if method is None or method.delivery_tag is None or properties is None or body is None:
            return moved
        channel.basic_publish("", destination, body, sendable(properties), mandatory=True)
        channel.basic_ack(method.delivery_tag)
        moved += 1
