"""What becomes of a message: decided here for every bus, carried out by each."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import structlog

from foa.bus.handlings import Handlings, UnendedHandlings
from foa.bus.port import Handler, Outcome
from foa.bus.retries import DELIVERY_LIMIT, RETRY_DELAYS_S, delay_after
from foa_stage.manifests import ManifestRejected, read_message

MAX_BYTES = 1 << 20
"""Of a message; a manifest has a few kB."""


@dataclass(frozen=True)
class Decision:
    """What is to become of a message after an attempt to handle it."""

    outcome: Outcome
    reason: str = ""
    """Why it was not handled."""
    delay_s: int = 0
    """Before it is handled again, if it is postponed."""


class Consumer:
    """Hands messages to the handler of a service."""

    def __init__(
        self,
        service: str,
        handlings: Handlings | None,
        retry_delays_s: Sequence[int] = RETRY_DELAYS_S,
        *,
        retries: bool = True,
    ) -> None:
        """Take what is the same for all messages; the handler is set later.

        Parameters
        ----------
        handlings
            Where handlings are noted, if anywhere.
        retry_delays_s
            Seconds before each further attempt; without any, a message is parked at once.
        retries
            If not, the error of a handler reaches whoever calls `handle`.
        """
        self.handler: Handler | None = None
        self._handlings, self._delays_s, self._retries = handlings, retry_delays_s, retries
        self._log = structlog.get_logger(service=service)

    def start(self) -> None:
        """Remove the notes of messages that do not come again."""
        if self._handlings:
            self._handlings.sweep()

    def handle(self, body: bytes, attempts: int) -> Decision:
        """Hand a message to the handler that failed `attempts` times before."""
        try:
            with self._noted(body):
                self._hand_over(body)
        except (ManifestRejected, UnendedHandlings) as error:
            return self._park(str(error))
        except Exception as error:
            if not self._retries:
                raise
            return self._try_again(error, attempts + 1)
        return Decision("handled")

    def parked(self, body: bytes) -> None:
        """Forget a message that has been parked: when it is replayed, it counts as new."""
        if self._handlings:
            self._handlings.forget(body)

    def _noted(self, body: bytes) -> AbstractContextManager[None]:
        return self._handlings.noted(body) if self._handlings else nullcontext()

    def _hand_over(self, body: bytes) -> None:
        if len(body) > MAX_BYTES:
            raise ManifestRejected(f"{len(body)} bytes, more than {MAX_BYTES}")
        assert self.handler is not None
        self.handler(read_message(body))

    def _try_again(self, error: Exception, attempts: int) -> Decision:
        self._log.warning("handler failed", attempts=attempts, exc_info=True)
        if isinstance(error, OSError):  # of the file system, not of the message: never parked
            attempts = min(attempts, DELIVERY_LIMIT - 1)
        reason, delay = f"{type(error).__name__}: {error}", delay_after(attempts, self._delays_s)
        return self._park(reason) if delay is None else Decision("postponed", reason, delay)

    def _park(self, reason: str) -> Decision:
        self._log.error("parked", reason=reason)
        return Decision("parked", reason)
