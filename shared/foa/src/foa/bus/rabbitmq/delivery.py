"""A message as it arrives from the broker, with what its headers tell."""

import time
from dataclasses import dataclass
from typing import Any, Self

ATTEMPTS, REASON, SENT_MS = "x-foa-attempts", "x-foa-reason", "x-foa-sent-ms"
MAX_HEADER = 1e15
"""A time in ms, or a number of attempts, is smaller; NaN is not."""


@dataclass(frozen=True)
class Delivery:
    """A message that waits to be handled."""

    generation: int
    """Of the connection: tags of an earlier one mean nothing."""
    tag: int
    attempts: int
    sent: float
    """Unix time."""
    body: bytes

    @classmethod
    def received(cls, generation: int, method: Any, properties: Any, body: bytes) -> Self:
        """Read what pika hands over; anybody may have written the headers."""
        headers = properties.headers or {}
        attempts = max(int(_number(headers.get(ATTEMPTS), 0)), 0)
        sent = _number(headers.get(SENT_MS), 1000 * time.time()) / 1000
        return cls(generation, method.delivery_tag, attempts, sent, body)


def _number(header: Any, default: float) -> float:
    is_number = isinstance(header, int | float) and abs(header) < MAX_HEADER
    return float(header) if is_number else default
