"""Messages at RabbitMQ as they leave and as they arrive, with what their headers tell."""

import time
from dataclasses import dataclass
from typing import Any, Self

import pika
import structlog

from foa_stage.manifests import Message, request_id_of, write_manifest

ATTEMPTS, REASON, SENT_MS = "x-foa-attempts", "x-foa-reason", "x-foa-sent-ms"
MAX_HEADER = 1e15
"""A time in ms, or a number of attempts, is smaller; NaN is not."""


@dataclass(frozen=True)
class Outgoing:
    """A message to publish."""

    exchange: str
    key: str
    body: bytes
    properties: pika.BasicProperties

    @classmethod
    def plain(cls, exchange: str, key: str, body: bytes, headers: dict[str, Any]) -> Self:
        """Return a message with no properties but headers."""
        properties = pika.BasicProperties(headers=headers, delivery_mode=2)
        return cls(exchange, key, body, properties)

    @classmethod
    def carrying(cls, manifest: Message, exchange: str, application: str) -> Self:
        """Return the message of a manifest."""
        now = time.time()
        properties = pika.BasicProperties(
            message_id=manifest.id,
            type=manifest.kind,
            correlation_id=request_id_of(manifest),
            timestamp=int(now),
            app_id=application,
            content_type="application/json",
            delivery_mode=2,
            headers={SENT_MS: int(1000 * now)},
        )
        return cls(exchange, manifest.kind, write_manifest(manifest), properties)


@dataclass(frozen=True)
class Delivery:
    """A message that waits to be handled."""

    connection: int
    """Number of the connection: tags of an earlier one mean nothing."""
    tag: int
    attempts: int
    sent: float
    """Unix time."""
    body: bytes

    @classmethod
    def received(cls, connection: int, method: Any, properties: Any, body: bytes) -> Self:
        """Read what pika hands over; anybody may have written the headers."""
        headers = properties.headers or {}
        attempts = max(int(_number(headers.get(ATTEMPTS), 0)), 0)
        sent = _number(headers.get(SENT_MS), 1000 * time.time()) / 1000
        return cls(connection, method.delivery_tag, attempts, sent, body)


class ReceivedProperties(pika.BasicProperties):
    """Properties that anybody may have written; if pika cannot decode them, they are empty.

    It cannot decode floats that are no numbers, times after the year 9999, and deeply nested
    tables.  An error would end the connection, and do so again whenever the message comes again.
    """

    def decode(self, encoded: bytes, offset: int = 0) -> Self:
        """Decode the properties of a message that arrives."""
        try:
            super().decode(encoded, offset)
        except Exception as error:
            structlog.get_logger().warning("properties of a message not decoded", error=repr(error))
            vars(self).update(vars(pika.BasicProperties()))
        return self


def sendable(properties: pika.BasicProperties) -> pika.BasicProperties:
    """Return the properties of a message that arrived as they can be sent again.

    The broker takes no message in another user's name, and pika reads more than it can write.
    """
    properties.user_id = None
    try:
        properties.encode()
    except Exception:
        properties.headers = None
    return properties


def _number(header: Any, default: float) -> float:
    is_number = isinstance(header, int | float) and abs(header) < MAX_HEADER
    return float(header) if is_number else default
