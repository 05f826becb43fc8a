"""What an administrator does at the broker: declare the topology; look at, replay and drop parked messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from foa.bus import topology
from foa.bus.address import BrokerAddress
from foa.bus.rabbitmq import REASON, parameters_of


@dataclass(frozen=True)
class Parked:
    """A message a service could not handle."""

    service: str
    position: int
    reason: str
    body: bytes


def reach(address: BrokerAddress) -> None:
    """Connect, find the exchange, and leave.

    Raises
    ------
    AMQPError, OSError
        If the broker is not there, does not let the user in, or has no topology.
    """
    with pika.BlockingConnection(parameters_of(address)) as connection:
        connection.channel().exchange_declare(topology.EXCHANGE, passive=True)


def declare(address: BrokerAddress, declared: dict[str, Any]) -> int:
    """Declare exchanges, queues and bindings; how many."""
    with pika.BlockingConnection(parameters_of(address)) as connection:
        channel = connection.channel()
        for exchange in declared["exchanges"]:
            channel.exchange_declare(exchange["name"], exchange["type"], durable=True)
        for queue in declared["queues"]:
            channel.queue_declare(queue["name"], durable=True, arguments=queue["arguments"])
        for binding in declared["bindings"]:
            channel.queue_bind(binding["destination"], binding["source"], binding["routing_key"])
    return sum(len(declared[what]) for what in ("exchanges", "queues", "bindings"))


def list_parked(address: BrokerAddress, service: str) -> list[Parked]:
    """All parked messages of a service, left where they are."""
    with pika.BlockingConnection(parameters_of(address)) as connection:
        # not acknowledged: they return to the queue when the connection closes
        return [parked for _, parked in _fetch(connection.channel(), service)]


def replay_parked(address: BrokerAddress, service: str, position: int | None = None) -> int:
    """Give parked messages back to their service: all, or the one at a position; how many."""
    return _take(address, service, position, replay=True)


def drop_parked(address: BrokerAddress, service: str, position: int | None = None) -> int:
    """Throw parked messages away: all, or the one at a position; how many."""
    return _take(address, service, position, replay=False)


def _take(address: BrokerAddress, service: str, position: int | None, *, replay: bool) -> int:
    taken = 0
    with pika.BlockingConnection(parameters_of(address)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for tag, parked in _fetch(channel, service):
            if position in (None, parked.position):
                if replay:
                    properties = pika.BasicProperties(delivery_mode=2)
                    channel.basic_publish("", topology.queue_of(service), parked.body, properties, mandatory=True)
                channel.basic_ack(tag)
                taken += 1
    return taken


def _fetch(channel: BlockingChannel, service: str) -> Iterator[tuple[int, Parked]]:
    name = topology.parking_queue_of(service)
    count = channel.queue_declare(name, passive=True).method.message_count
    for position in range(count):
        method, properties, body = channel.basic_get(name)
        if method is None or properties is None or body is None or method.delivery_tag is None:
            return
        yield method.delivery_tag, Parked(service, position, _reason(properties), body)


def _reason(properties: pika.BasicProperties) -> str:
    headers: dict[str, Any] = dict(properties.headers or {})
    deaths = headers.get("x-death") or [{}]
    return str(headers.get(REASON) or f"dead letter: {deaths[0].get('reason', 'unknown')}")
