"""Errors a person can do something about, and how the command ends."""

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """Exit status of the command `foa`."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Return what it tells."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitStatus.DONE: "done",
    ExitStatus.FAILED: "what was asked for has failed",
    ExitStatus.BAD_INPUT: "bad input or usage: correct it",
    ExitStatus.UNAVAILABLE: "broker, disk or file system is not available: try again later",
    ExitStatus.INTERRUPTED: "interrupted by Ctrl-C",
}


class FoaError(Exception):
    """Something outside this program is wrong; the message says what, where, and what to do."""

    status: ClassVar[ExitStatus] = ExitStatus.BAD_INPUT


class WorkFailed(FoaError):
    """What was asked for was tried, and has failed."""

    status = ExitStatus.FAILED


class Unavailable(FoaError):
    """Something that is usually there is not: try again later."""

    status = ExitStatus.UNAVAILABLE
