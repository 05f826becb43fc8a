"""Notes of the handlings of messages that were begun and have not ended."""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foa.bus.retries import DELIVERY_LIMIT

SWEEP_AGE_S = 86_400.0
"""Notes that are older belong to messages that do not come again."""


class UnendedHandlings(Exception):
    """The handling of a message was begun again and again, and never ended."""


@dataclass(frozen=True)
class Handlings:
    """The notes of one service, shared by its replicas: empty files in a directory.

    A note is named by the SHA-256 of the message's body and a number from 1 to `DELIVERY_LIMIT`.
    It is created exclusively, which is atomic on NFS too; nothing is locked.
    Only what a service has in hand has notes, so a process that dies leaves one note, of the
    message that it handled, and none of those it had only fetched.
    """

    directory: Path

    @contextmanager
    def noted(self, body: bytes) -> Iterator[None]:
        """Note a handling while it lasts; what ends the process leaves the note.

        Raises
        ------
        UnendedHandlings
            If handlings of this message have been begun `DELIVERY_LIMIT` times without an end.
        OSError
            If the note cannot be written.
        """
        self._begin(body)
        try:
            yield
        except Exception:
            self.forget(body)
            raise
        self.forget(body)

    def forget(self, body: bytes) -> None:
        """Remove all notes of a message, if they can be removed now."""
        with contextlib.suppress(OSError):  # the handling has ended, whatever becomes of its note
            for note in self._notes(body):
                note.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove old notes, if they can be removed now."""
        before = time.time() - SWEEP_AGE_S
        for note in self.directory.glob("*"):
            with contextlib.suppress(OSError):  # another replica may have removed it
                if note.stat().st_mtime < before:
                    note.unlink()

    def _begin(self, body: bytes) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if not any(_create(note) for note in self._notes(body)):
            raise UnendedHandlings(
                f"its handling was begun {DELIVERY_LIMIT} times and never ended:"
                " it seems to end the service"
            )

    def _notes(self, body: bytes) -> list[Path]:
        name = hashlib.sha256(body).hexdigest()
        return [self.directory / f"{name}.{number}" for number in range(1, DELIVERY_LIMIT + 1)]


def _create(note: Path) -> bool:
    """Create a file; tell whether it was not there."""
    try:
        note.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
