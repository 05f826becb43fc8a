"""Exchanges, queues, bindings and rights at the broker, as data. `foa bus apply` declares them; services only check.

Every service has a queue bound to the kinds it consumes, queues in which messages wait before they are tried again, and
a parking queue for what a person must look at.  Kinds nobody consumes go to `foa.announcements`, so that every
publication has a place to go.
"""

from collections.abc import Mapping
from typing import Any

EXCHANGE = "foa"
PARKING = "foa.parking"
ANNOUNCEMENTS = "foa.announcements"
DELIVERY_LIMIT = 5
RETRY_DELAYS_S = (5, 30, 120, 600)
"""How long a message waits before it is tried again, growing with its attempts."""
ANNOUNCED = ("analysis.ready", "request.failed", "run.failed", "request.submitted")
MAX_ANNOUNCEMENTS = 10_000

Consumers = Mapping[str, tuple[str, ...]]
"""Kinds of manifests by the service that consumes them."""


def queue_of(service: str) -> str:
    """Where a service's manifests arrive."""
    return f"foa.{service}"


def retry_queue_of(service: str, delay_s: int) -> str:
    """Where a service's manifests wait before they are tried again."""
    return f"foa.{service}.retry.{delay_s}"


def parking_queue_of(service: str) -> str:
    """Where manifests lie that a service could not handle."""
    return f"foa.{service}.parked"


def topology(consumers: Consumers) -> dict[str, Any]:
    """Everything to declare, in the terms of RabbitMQ's definitions."""
    queues = {ANNOUNCEMENTS: {"x-max-length": MAX_ANNOUNCEMENTS}}
    bindings = [(EXCHANGE, kind, ANNOUNCEMENTS) for kind in ANNOUNCED]
    for service, kinds in consumers.items():
        queues |= _queues(service)
        bindings += [(EXCHANGE, kind, queue_of(service)) for kind in kinds]
        bindings.append((PARKING, queue_of(service), parking_queue_of(service)))
    return {
        "exchanges": [{"name": EXCHANGE, "type": "topic"}, {"name": PARKING, "type": "direct"}],
        "queues": [{"name": name, "arguments": {"x-queue-type": "quorum", **rest}} for name, rest in queues.items()],
        "bindings": [{"source": s, "routing_key": key, "destination": queue} for s, key, queue in bindings],
        "permissions": {service: permissions(service) for service in consumers},
    }


def _queues(service: str) -> dict[str, dict[str, Any]]:
    """A dead letter of the service's queue goes to the parking exchange, of a waiting one back to the service."""
    safe = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
    main = {
        "x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": PARKING,
        "x-dead-letter-routing-key": queue_of(service), **safe,
    }  # fmt: skip
    waiting = {
        retry_queue_of(service, delay): {
            "x-message-ttl": delay * 1000, "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue_of(service), **safe,
        }
        for delay in RETRY_DELAYS_S
    }  # fmt: skip
    return {queue_of(service): main, parking_queue_of(service): {}, **waiting}


def permissions(service: str) -> dict[str, str]:
    """What a service's user may do: read its queue, publish, retry and park; configure nothing."""
    own = queue_of(service).replace(".", r"\.")
    return {"configure": "^$", "write": r"^(foa|foa\.parking|amq\.default)$", "read": rf"^{own}$"}


def delay_after(attempts: int) -> int | None:
    """How long to wait after so many failed attempts; None: park it."""
    return None if attempts >= DELIVERY_LIMIT else RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1]
