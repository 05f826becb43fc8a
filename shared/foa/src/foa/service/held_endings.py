"""Endings of jobs that cannot be concluded yet.

Of a job that ended well, report or products may not be seen: a directory listing of NFS may be up
to a minute old, and a failure written in place of the report would be wrong. On a full disk nothing
can be written down.
"""

import time

from foa_stage.jobs import Completed, Ending
from foa_stage.tree import RunTree

REPORT_PATIENCE_S = 60.0
"""Until a job that ended well without a report has failed; acdirmax of NFS is 60 s."""
TRY_AGAIN_S = 10.0
"""After what could not be written down."""


class HeldEndings:
    """Holds endings back, each for a limited time."""

    def __init__(
        self,
        tree: RunTree,
        patience_s: float = REPORT_PATIENCE_S,
        try_again_s: float = TRY_AGAIN_S,
    ) -> None:
        self._tree, self._patience_s, self._try_again_s = tree, patience_s, try_again_s
        self._unreported: dict[str, tuple[Ending, float]] = {}
        self._put_off: dict[str, tuple[Ending, float]] = {}

    def hold_back(self, ending: Ending) -> bool:
        """Keep an ending if its job should have left a report and none is seen; tell whether so."""
        if not isinstance(ending, Completed) or self._is_reported(ending):
            return False
        due = time.monotonic() + self._patience_s
        self._unreported.setdefault(ending.name, (ending, due))
        return True

    def put_off(self, ending: Ending) -> None:
        """Keep an ending that could not be written down."""
        self._put_off[ending.name] = (ending, time.monotonic() + self._try_again_s)

    def release(self) -> list[Ending]:
        """Return the endings that were held for long enough, or whose reports are seen by now."""
        seen = [one for one, _ in self._unreported.values() if self._is_reported(one)]
        overdue = [*_due(self._unreported), *_due(self._put_off)]
        released = {ending.name: ending for ending in (*seen, *overdue)}
        for name in released:
            self._unreported.pop(name, None)
            self._put_off.pop(name, None)
        return list(released.values())

    def _is_reported(self, ending: Ending) -> bool:
        return self._tree.attempt(ending.name).work.report() is not None


def _due(held: dict[str, tuple[Ending, float]]) -> list[Ending]:
    now = time.monotonic()
    return [ending for ending, due in held.values() if now >= due]
