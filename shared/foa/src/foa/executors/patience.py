"""How long to wait after a refusal before anything is tried again."""

import math
from collections.abc import Callable

FIRST_PAUSE_S, LAST_PAUSE_S, GROWTH = 5.0, 600.0, 2.0
"""Pause after a refusal; it grows by a factor from the first to the last."""


class Patience:
    """Pauses that grow from refusal to refusal, shared by all that wait for the same.

    While it is not calm, only one of those that wait should be tried at a time.

    Parameters
    ----------
    clock
        Returns a time in seconds that only goes on, whatever becomes of the host's clock.
    first_pause_s, last_pause_s
        Pause after a first refusal, and the longest.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        first_pause_s: float = FIRST_PAUSE_S,
        last_pause_s: float = LAST_PAUSE_S,
    ) -> None:
        self._clock = clock
        self._first_pause, self._last_pause = first_pause_s, last_pause_s
        self._refused_at, self._pause = -math.inf, 0.0
        self.reason = ""
        """Of the last refusal; empty while calm."""

    @property
    def is_calm(self) -> bool:
        """Tell whether the last trial was accepted."""
        return not self._pause

    def permits(self, changed: float = -math.inf) -> bool:
        """Tell whether it is time for a trial.

        Parameters
        ----------
        changed
            When something last gave new hope: after the last refusal, it cuts the pause short.
        """
        pause = self._first_pause if changed > self._refused_at else self._pause
        return self._clock() >= self._refused_at + pause

    def refuse(self, reason: str) -> None:
        """Wait from now on, longer than the last time."""
        grown = max(self._pause * GROWTH, self._first_pause)
        self._pause, self._refused_at = min(grown, self._last_pause), self._clock()
        self.reason = reason

    def accept(self) -> None:
        """Wait no longer."""
        self._pause, self.reason = 0.0, ""
