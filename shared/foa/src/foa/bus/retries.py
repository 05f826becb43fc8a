"""Delays before a message is handled again."""

from collections.abc import Sequence

RETRY_DELAYS_S = (5, 30, 120, 600)
"""Seconds before each further attempt; after the last one, the delay stays the same."""
DELIVERY_LIMIT = 5
"""Attempts before a message is parked."""


def delay_after(attempts: int, delays_s: Sequence[int] = RETRY_DELAYS_S) -> int | None:
    """Return the delay after so many failed attempts; None: park the message."""
    if attempts >= DELIVERY_LIMIT or not delays_s:
        return None
    return delays_s[min(attempts, len(delays_s)) - 1]
