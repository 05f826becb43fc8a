"""When to ask the scheduler for jobs that have left no report."""

import math
from collections.abc import Callable

FIRST_INTERVAL_S, LAST_INTERVAL_S, GROWTH = 5.0, 60.0, 1.5
"""Time between two questions for silent jobs; it grows by a factor from the first to the last."""


class Pace:
    """Times of the questions for silent jobs.

    Parameters
    ----------
    clock
        Returns a time in seconds that only goes on, whatever becomes of the host's clock.
    first_interval_s
        Time from a submission to the first question.
    """

    def __init__(self, clock: Callable[[], float], first_interval_s: float) -> None:
        self._clock, self._first_interval = clock, first_interval_s
        self._interval, self._next = first_interval_s, math.inf

    @property
    def is_due(self) -> bool:
        """Tell whether it is time for a question."""
        return self._clock() >= self._next

    def rest(self) -> None:
        """Ask nothing until told to hasten."""
        self._next = math.inf

    def hasten(self) -> None:
        """Ask after the first interval; a steady flow of jobs does not put off what is due."""
        self._interval = self._first_interval
        self._next = min(self._next, self._clock() + self._interval)

    def slow_down(self) -> None:
        """Ask again after a longer interval."""
        self._interval = min(self._interval * GROWTH, LAST_INTERVAL_S)
        self._next = self._clock() + self._interval
