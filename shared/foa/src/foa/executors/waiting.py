"""A note for people beside a job that is not accepted for now."""

import contextlib
from pathlib import Path

from foa_stage.tree import write_atomic
from foa_stage.tree.work import WAITING_NAME

MAX_LENGTH = 300
"""Largest number of characters of the line."""


def note_waiting(directory: Path, reason: str) -> None:
    """Write down why the job of a directory waits, if the disk is not full."""
    line = " ".join(reason.split())[:MAX_LENGTH]
    with contextlib.suppress(OSError):
        write_atomic(directory / WAITING_NAME, f"{line}\n".encode())


def remove_note(directory: Path) -> None:
    """Remove what this process or another has written down."""
    with contextlib.suppress(OSError):
        (directory / WAITING_NAME).unlink(missing_ok=True)
