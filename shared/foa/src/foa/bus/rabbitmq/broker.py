"""The broker as its administrator sees it: declare, look at, replay and drop parked messages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from foa.bus.consumer import Consumer
from foa.bus.handlings import Handlings
from foa.bus.port import BusAway, Delivered, Parked
from foa.bus.rabbitmq import topology
from foa.bus.rabbitmq.address import Broker, BrokerAddress
from foa.bus.rabbitmq.bus import RabbitBus
from foa.bus.rabbitmq.definitions import ADMINISTRATOR, OPERATOR
from foa.bus.rabbitmq.messages import REASON
from foa.bus.rabbitmq.parameters import BROKER_ERRORS, open_connection, spell
from foa.bus.rabbitmq.renewal import declare_queues, queues_of
from foa.bus.retries import RETRY_DELAYS_S
from foa.errors import FoaError


class RabbitBroker:
    """The RabbitMQ of a site."""

    def __init__(
        self, broker: Broker, consumers: Mapping[str, Sequence[str]], unconsumed: Sequence[str]
    ) -> None:
        """Take the kinds that each service consumes, and those that none does."""
        self._broker = broker
        self._consumed = {kind for kinds in consumers.values() for kind in kinds}
        self._declared = topology.topology(consumers, unconsumed)

    def connect(
        self,
        user: str,
        version: str,
        observe: Callable[[Delivered], None] = lambda delivered: None,
        handlings: Handlings | None = None,
        retry_delays_s: Sequence[int] = RETRY_DELAYS_S,
    ) -> RabbitBus:
        """Return the connection of a service or of the operator; it is not started.

        Parameters
        ----------
        user, version
            Whose connection it is: a service's by its name.
        observe
            Called after every delivery.
        handlings
            Where handlings are noted, if anywhere.
        retry_delays_s
            Seconds before each further attempt; a queue must be declared for each.
        """
        consumer = Consumer(user, handlings, retry_delays_s)
        return RabbitBus(self._address_of(user), user, version, observe, consumer)

    def reach(self) -> None:
        """Connect as the operator, find the exchange, and leave.

        Raises
        ------
        BusAway
            If the broker is not there, does not let the user in, or has no topology.
        """
        with self._channel(OPERATOR) as channel:
            channel.exchange_declare(topology.EXCHANGE, passive=True)

    def declare(self) -> int:
        """Declare exchanges, queues and bindings; return how many.

        Queues with other arguments are made anew; they keep their messages.

        Raises
        ------
        FoaError
            If a service consumes from a queue that must be made anew, or somebody else declares
            the queues at this moment.
        """
        with self._connection() as connection:
            channel = connection.channel()
            for exchange in self._declared["exchanges"]:
                channel.exchange_declare(exchange["name"], exchange["type"], durable=True)
            declare_queues(connection, queues_of(self._declared))
            for kind in self._consumed:  # until version 0.1 some were bound here, too
                channel.queue_unbind(topology.ANNOUNCEMENTS, topology.EXCHANGE, kind)
        return sum(map(len, self._declared.values()))

    def purge(self) -> None:
        """Throw every message away."""
        with self._channel() as channel:
            for queue in self._declared["queues"]:
                channel.queue_purge(queue["name"])

    def publish_raw(self, kind: str, body: bytes) -> None:
        """Publish bytes as a message of a kind, whatever they are."""
        with self._channel() as channel:
            channel.basic_publish(topology.EXCHANGE, kind, body)

    def list_parked(self, service: str) -> list[Parked]:
        """Return all parked messages of a service, left where they are."""
        with self._channel() as channel:
            # not acknowledged: they return to the queue when the connection closes
            return [parked for _, parked in _fetch(channel, service)]

    def replay_parked(self, service: str, position: int | None = None) -> int:
        """Give parked messages back to their service: all, or the one at a position; count them."""

        def give_back(channel: BlockingChannel, parked: Parked) -> None:
            channel.basic_publish(
                *("", topology.queue_of(service), parked.body),
                pika.BasicProperties(delivery_mode=2),
                mandatory=True,
            )

        return self._take(service, position, give_back)

    def drop_parked(self, service: str, position: int | None = None) -> int:
        """Throw parked messages away: all, or the one at a position; count them."""
        return self._take(service, position, lambda channel, parked: None)

    def _take(
        self,
        service: str,
        position: int | None,
        handle: Callable[[BlockingChannel, Parked], None],
    ) -> int:
        taken = 0
        with self._channel() as channel:
            channel.confirm_delivery()
            for tag, parked in _fetch(channel, service):
                if position in (None, parked.position):
                    handle(channel, parked)
                    channel.basic_ack(tag)
                    taken += 1
        return taken

    @contextmanager
    def _channel(self, user: str = ADMINISTRATOR) -> Iterator[BlockingChannel]:
        with self._connection(user) as connection:
            yield connection.channel()

    @contextmanager
    def _connection(self, user: str = ADMINISTRATOR) -> Iterator[pika.BlockingConnection]:
        try:
            with open_connection(self._address_of(user)) as connection:
                yield connection
        except BROKER_ERRORS as error:
            where = f"{self._broker.host}:{self._broker.port}"
            raise BusAway(f"the broker at {where}: {spell(error)}") from error

    def _address_of(self, user: str) -> BrokerAddress:
        address = self._broker.address_of(user)
        _check_password(address.password_file, user)
        return address


def _check_password(path: Path, user: str) -> None:
    """Raise FoaError without a readable password."""
    try:
        path.read_text()
    except OSError as error:
        raise FoaError(
            f"no password for the broker's user {user}: {path}: {error.strerror}"
        ) from error


def _fetch(channel: BlockingChannel, service: str) -> Iterator[tuple[int, Parked]]:
    """Yield delivery tags and parked messages."""
    name = topology.parking_queue_of(service)
    count = channel.queue_declare(name, passive=True).method.message_count
    for position in range(count):
        method, properties, body = channel.basic_get(name)
        if method is None or properties is None or body is None or method.delivery_tag is None:
            return
        yield method.delivery_tag, Parked(service, position, _reason(properties), body)


def _reason(properties: pika.BasicProperties) -> str:
    headers: dict[str, Any] = dict(properties.headers or {})
    deaths = headers.get("x-death")
    death = deaths[0] if isinstance(deaths, list) and deaths else {}
    reason = death.get("reason") if isinstance(death, dict) else None
    return str(headers.get(REASON) or f"dead letter: {reason or 'unknown'}")
