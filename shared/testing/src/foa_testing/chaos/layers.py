"""Faults inside a daemon's process, switched on and off by files: its clock and its file system.

They replace functions of Python's standard library, so that the product's code stays as it is. A
faked clock of the whole process (libfaketime) would fake the times of files as well; a clock that
is stepped differs from the file server's.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

CLOCK, COARSE, STALE, LATE = "clock", "coarse", "stale", "late"
"""Files in a daemon's directory of faults; that of the clock holds by how many seconds it is off,
those of listings and reports by how many seconds they may be late."""
SECOND_NS = 10**9


class Switches:
    """The files by which faults are switched on."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)

    def value(self, name: str) -> float:
        """Return the number in a file; 0 if the fault is off."""
        try:
            # by no path: its methods are disturbed
            with open(f"{self._directory}/{name}") as file:  # noqa: PTH123
                return float(file.read() or 0)
        except (OSError, ValueError):
            return 0.0


def step_clock(switches: Switches) -> None:
    """Let `time.time` tell a time that is off; call before anything takes it as an argument."""
    real = time.time
    time.time = lambda: real() + switches.value(CLOCK)


def coarsen_times(switches: Switches) -> None:
    """Let files that are renamed have times of whole seconds, as on some file systems."""

    def coarsen(path: Any) -> None:
        if switches.value(COARSE):
            with suppress(OSError):
                times = os.stat(path, follow_symlinks=False)  # noqa: PTH116
                whole = times.st_mtime_ns // SECOND_NS * SECOND_NS
                os.utime(path, ns=(whole, whole), follow_symlinks=False)

    _follow("replace", lambda arguments: coarsen(arguments[1]))


def age_listings(switches: Switches, tree: Path) -> None:
    """Serve listings of directories below `tree` from a cache, as an NFS client does.

    What this process changes itself it sees at once.
    """
    listings = _Listings(switches, str(tree))
    os.scandir, os.listdir = listings.scandir, listings.listdir  # type: ignore[assignment]
    for name, position in (("replace", 1), ("link", 1), ("symlink", 1), ("unlink", 0)):
        _follow(name, partial(listings.forget_changed, position))
    for name in ("mkdir", "rmdir"):
        _follow(name, partial(listings.forget_changed, 0))


def delay_reports(switches: Switches, report: Any) -> None:
    """Let new reports stay unseen, as a name that an NFS client has looked up in vain."""
    read = report.read

    def read_late(directory: Path) -> Any:
        with suppress(OSError):
            age = time.time() - switches.value(CLOCK) - _mtime(directory / "report.json")
            if age < switches.value(LATE):
                return None
        return read(directory)

    report.read = read_late


def _mtime(path: Path) -> float:
    return path.stat().st_mtime


def _follow(name: str, then: Callable[[tuple[Any, ...]], None]) -> None:
    """Do something after each call of a function of `os`."""
    real = getattr(os, name)

    def followed(*arguments: Any, **named: Any) -> Any:
        result = real(*arguments, **named)
        then(arguments)
        return result

    setattr(os, name, followed)


class _Listings:
    """Listings as they were some seconds ago."""

    def __init__(self, switches: Switches, root: str) -> None:
        self._switches, self._root = switches, root
        self._scandir = os.scandir
        self._known: dict[str, tuple[float, list[os.DirEntry[str]]]] = {}

    def scandir(self, path: Any = ".") -> Any:
        """List a directory."""
        return _Listing(self._list(path)) if self._is_aged(path) else self._scandir(path)

    def listdir(self, path: Any = ".") -> list[str]:
        """Return the names in a directory."""
        return [entry.name for entry in self._list(path)]

    def forget_changed(self, position: int, arguments: tuple[Any, ...]) -> None:
        """Forget the listing of the directory of the path that a call has changed."""
        self._known.pop(os.path.dirname(os.fspath(arguments[position])), None)  # noqa: PTH120

    def _is_aged(self, path: Any) -> bool:
        below = isinstance(path, str | Path) and os.fspath(path).startswith(self._root)
        return below and bool(self._switches.value(STALE))

    def _list(self, path: Any) -> list[os.DirEntry[str]]:
        if not self._is_aged(path):
            with self._scandir(path) as entries:
                return list(entries)
        name, now = os.fspath(path), time.monotonic()
        read_at, known = self._known.get(name, (-float("inf"), []))
        if now - read_at > self._switches.value(STALE):
            with self._scandir(path) as entries:
                known = list(entries)
            self._known[name] = now, known
        return known


class _Listing:
    """What `os.scandir` returns, of entries that are known already."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self._entries

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)

    def __enter__(self) -> "_Listing":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: nothing is open."""
