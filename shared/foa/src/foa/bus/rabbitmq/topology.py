"""Exchanges, queues, bindings and rights at the broker, as data.

`foa bus apply` declares them; services only check.  Every service that consumes has a queue bound
to its kinds, queues in which messages wait before they are tried again, and a parking queue for
what a person must look at.  Kinds nobody consumes go to `foa.announcements`, so that every
publication has a place to go.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from foa.bus.retries import RETRY_DELAYS_S

EXCHANGE = "foa"
PARKING = "foa.parking"
ANNOUNCEMENTS = "foa.announcements"
MAX_ANNOUNCEMENTS = 10_000
UNLIMITED = 1_000_000
"""Deliveries of a message before the broker takes it for dead: more than there ever are.

RabbitMQ counts what was only fetched by a consumer that died, too; who parks is the service.
Without a number, RabbitMQ 4 takes 20; −1 means unlimited there, but 0 to RabbitMQ 3.
"""
SAFE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
"""Arguments of queues whose dead letters must not be lost."""

Kinds = Iterable[str]


def queue_of(service: str) -> str:
    """Name the queue where a service's manifests arrive."""
    return f"foa.{service}"


def retry_exchange_of(service: str) -> str:
    """Name the exchange that leads to the queues where a service's manifests wait.

    Each service has its own, so that none can write into the queues of another.
    """
    return f"foa.{service}.retry"


def retry_queue_of(service: str, delay_s: int) -> str:
    """Name the queue where a service's manifests wait before they are tried again."""
    return f"foa.{service}.retry.{delay_s}"


def parking_queue_of(service: str) -> str:
    """Name the queue of the manifests that a service could not handle."""
    return f"foa.{service}.parked"


def topology(consumers: Mapping[str, Kinds], unconsumed: Kinds) -> dict[str, Any]:
    """Return everything to declare, in the terms of RabbitMQ's definitions.

    Parameters
    ----------
    consumers
        Kinds of manifests by the service that consumes them.
    unconsumed
        Kinds that no service consumes.
    """
    queues = {ANNOUNCEMENTS: {"x-max-length": MAX_ANNOUNCEMENTS}}
    bindings = [(EXCHANGE, kind, ANNOUNCEMENTS) for kind in unconsumed]
    for service, kinds in consumers.items():
        queues |= _queues(service)
        bindings += [(EXCHANGE, kind, queue_of(service)) for kind in kinds]
        bindings.append((PARKING, queue_of(service), parking_queue_of(service)))
        waiting = (retry_queue_of(service, delay) for delay in RETRY_DELAYS_S)
        bindings += [(retry_exchange_of(service), name, name) for name in waiting]
    direct = (PARKING, *map(retry_exchange_of, consumers))
    return {
        "exchanges": [
            {"name": EXCHANGE, "type": "topic"},
            *({"name": name, "type": "direct"} for name in direct),
        ],
        "queues": [_declared(name, arguments) for name, arguments in queues.items()],
        "bindings": [
            {"source": source, "routing_key": key, "destination": queue}
            for source, key, queue in bindings
        ],
    }


def _declared(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "arguments": {"x-queue-type": "quorum", **arguments}}


def _queues(service: str) -> dict[str, dict[str, Any]]:
    """Return a service's queues.

    Dead letters of its main queue go to the parking exchange, those of a waiting one back to it.
    """
    to_parking = {
        "x-delivery-limit": UNLIMITED,
        "x-dead-letter-exchange": PARKING,
        "x-dead-letter-routing-key": queue_of(service),
    }
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue_of(service)}
    waiting = {
        retry_queue_of(service, delay): {"x-message-ttl": delay * 1000, **back, **SAFE}
        for delay in RETRY_DELAYS_S
    }
    parking = {"x-delivery-limit": UNLIMITED}  # whoever lists parked messages fetches them
    return {
        queue_of(service): {**to_parking, **SAFE},
        parking_queue_of(service): parking,
        **waiting,
    }


def permissions(service: str) -> dict[str, str]:
    """Return a service's rights: read its queue, publish, retry and park; configure nothing."""
    exchanges = map(re.escape, (EXCHANGE, PARKING, retry_exchange_of(service)))
    return {
        "configure": "^$",
        "write": f"^({'|'.join(exchanges)})$",
        "read": f"^{re.escape(queue_of(service))}$",
    }


def topic_permissions(said: Kinds) -> dict[str, str]:
    """Return the right to publish these kinds only."""
    kinds = "|".join(map(re.escape, said))
    return {"exchange": EXCHANGE, "write": f"^({kinds})$", "read": ".*"}
