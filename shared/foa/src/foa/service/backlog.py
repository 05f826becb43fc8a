"""What a service was told and has not answered: taken up in slices, so that no turn is long."""

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from foa_stage.manifests import Manifest
from foa_stage.tree import Mailbox

SLICE_S = 1.0
"""Time that a turn gives to it."""
TRY_AGAIN_S = 30.0
"""After what could not be taken up: a disk may have space again."""


class Backlog:
    """Pending manifests that are not in hand, the longest pending first."""

    def __init__(
        self,
        pending: Mailbox,
        handle: Callable[[Manifest], None],
        log: Any,
        try_again_s: float = TRY_AGAIN_S,
    ) -> None:
        self._pending, self._handle, self._log = pending, handle, log
        self._try_again_s = try_again_s
        self._paths: deque[Path] = deque()
        self._failed: deque[Path] = deque()
        self._failed_at = 0.0

    def look(self, in_hand: Collection[str], older_than_s: float) -> None:
        """List what has been pending for so long and is not in hand, by manifests' ids."""
        before = time.time() - older_than_s if older_than_s else math.inf
        paths = self._pending.paths(before)
        self._paths = deque(path for path in paths if self._pending.id_of(path) not in in_hand)

    def add(self, manifest: Manifest) -> None:
        """List a pending manifest that is in hand no longer."""
        self._paths.append(self._pending.path(manifest))

    def advance(self, slice_s: float = SLICE_S) -> None:
        """Take up some of what is listed, for a limited time."""
        now = time.monotonic()
        if self._failed and now - self._failed_at > self._try_again_s:
            self._paths, self._failed = self._paths + self._failed, deque()
        while self._paths and time.monotonic() < now + slice_s:
            path = self._paths.popleft()
            if not self._take_up(path):
                self._failed.append(path)
                self._failed_at = time.monotonic()

    def _take_up(self, path: Path) -> bool:
        """Handle a manifest, if it is still pending; tell whether that was possible."""
        try:
            if manifest := self._pending.read(path):
                self._handle(manifest)
        except Exception:  # one that cannot be handled must not keep the others from it
            self._log.exception("not taken up", file=path.name)
            return False
        return True
