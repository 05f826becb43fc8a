"""End jobs that nobody wants any more."""

import math
from collections.abc import Callable, Sequence

from foa.executors.batch.breaker import CircuitBreaker
from foa.executors.batch.lookup import LIVE, Lookup
from foa.executors.batch.tracked import TrackedJob
from foa.executors.patience import Patience
from foa.executors.scheduler import JobRecord, NoAnswer

LOT = 20
"""Jobs ended by one call of the client, which may make a call for each."""


class Cancellations:
    """Asks for the end of jobs until they have ended, later and later again."""

    def __init__(self, client: CircuitBreaker, lookup: Lookup, clock: Callable[[], float]) -> None:
        self._client, self._lookup, self._clock = client, lookup, clock
        self._patience = Patience(clock)
        self._wanted = -math.inf
        """When the end of a job was last wanted."""

    def want(self, one: TrackedJob) -> None:
        """Note that a job is to be ended."""
        one.cancelled, self._wanted = True, self._clock()

    def carry_out(
        self, cancelled: Sequence[TrackedJob]
    ) -> list[tuple[TrackedJob, JobRecord | None]]:
        """Ask for the end of those that live; return what is known of them; None: nothing.

        Parameters
        ----------
        cancelled
            All jobs that are to be ended, and are not known to have.
        """
        if not cancelled:
            self._patience.accept()
        elif self._patience.permits(self._wanted):
            self._patience.refuse("asked for")
            return self._try_to_end(cancelled)
        return []

    def _try_to_end(
        self, cancelled: Sequence[TrackedJob]
    ) -> list[tuple[TrackedJob, JobRecord | None]]:
        never_intended = [one for one in cancelled if not one.find_script()]
        found: dict[str, JobRecord | None] = {one.name: None for one in never_intended}
        try:
            found |= self._lookup.records([one for one in cancelled if one.name not in found])
            self._end([record for record in found.values() if record and record.phase in LIVE])
        except NoAnswer:  # they are asked for again
            pass
        return [(one, found[one.name]) for one in cancelled if one.name in found]

    def _end(self, live: Sequence[JobRecord]) -> None:
        for start in range(0, len(live), LOT):
            self._client.cancel(live[start : start + LOT])
