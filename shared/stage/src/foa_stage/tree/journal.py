"""The journal of a request: the order in which its documents were recorded, without clocks.

Entries are symbolic links named by consecutive numbers. A link is created exclusively, which is
atomic on NFS and Lustre as well, so that two writers never get one number (ADR 12).
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from foa_stage.manifests.words import WORDS

NAME = re.compile(r"(?:([a-z0-9_-]+)/)?([a-z0-9.]+)\.(\d{5,10})\.[a-z0-9-]+\.json")
"""Of a document's file: generation, kind, run, identity."""


@dataclass(frozen=True)
class Entry:
    """One document of a request, as its file's name tells it."""

    number: int
    """Its place among all entries of the request, from 1 on."""
    name: str
    """Of its file, relative to the directory of manifests: `GENERATION/KIND.RUN.ID.json`."""
    generation: str
    """Empty for documents of schema versions 1 and 2, which lie above those of generations."""
    kind: str
    obs_id: int
    """0 where it speaks of the whole request."""

    @classmethod
    def of(cls, name: str, number: int) -> "Entry | None":
        """Read the name of a document's file; None if it is none: people may leave files here."""
        found = NAME.fullmatch(name)
        return cls(number, name, found[1] or "", found[2], int(found[3])) if found else None


Told = dict[str, dict[int, Entry]]
"""The newest entry by kind and run; runs in the order in which each kind first spoke of them."""


class Journal:
    """The documents of one request in their order, remembered from one look to the next.

    Safe to use from several threads, processes and hosts.
    """

    def __init__(self, request: Path) -> None:
        """Take the directory of the request."""
        self._links, self._manifests = request / "journal", request / "manifests"
        self._lock = threading.Lock()
        self._forget()

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Let no other thread in, having read what was added since the last look."""
        with self._lock:
            self._read_on()
            yield

    def entries(self) -> list[Entry]:
        """Return all entries, oldest first."""
        with self._current():
            return list(self._entries)

    def length(self) -> int:
        """Return the number of links; documents that are older have none."""
        with self._current():
            return self._read

    def generations(self) -> list[str]:
        """Return the generations in the order in which they were first told of."""
        with self._current():
            return [generation for generation in self._told if generation != WORDS]

    def of_generation(self, generation: str) -> list[Entry]:
        """Return the entries of a generation, oldest first."""
        with self._current():
            return list(self._of_generation.get(generation, []))

    def told(self, generation: str) -> Told:
        """Return what has been told in a generation."""
        with self._current():
            told = self._told.get(generation, {})
            return {kind: dict(runs) for kind, runs in told.items()}

    def speaks_of(self, kind: str) -> bool:
        """Tell whether anything of a kind has been told, in any generation."""
        with self._current():
            return any(kind in told for told in self._told.values())

    def of_kind(self, generation: str, kind: str) -> dict[int, Entry]:
        """Return what has been told of a kind in a generation, by run."""
        with self._current():
            return dict(self._told.get(generation, {}).get(kind, {}))

    def newest(self, generation: str, kind: str, obs_id: int) -> Entry | None:
        """Return the newest entry of a kind on a run, if there is any."""
        with self._current():
            return self._told.get(generation, {}).get(kind, {}).get(obs_id)

    def add(self, name: str, *, again: bool) -> None:
        """Add an entry for a document, unless there is one.

        With `again`, unless the last entry is one.
        """
        self._links.mkdir(parents=True, exist_ok=True)
        with self._current():
            while not self._has(name, again=again) and not self._take_next_number(name):
                self._read_on()
            self._read_on()

    def _has(self, name: str, *, again: bool) -> bool:
        return self._last == name if again else name in self._names

    def _take_next_number(self, name: str) -> bool:
        """Make the next link; tell whether no other writer was faster."""
        try:
            (self._links / _spell(self._read + 1)).symlink_to(Path("../manifests") / name)
        except FileExistsError:
            return False
        return True

    def _forget(self) -> None:
        self._read, self._last = 0, ""
        self._entries: list[Entry] = []
        self._names: set[str] = set()
        self._told: dict[str, Told] = {}
        self._of_generation: dict[str, list[Entry]] = {}

    def _read_on(self) -> None:
        """Read what was added since the last look; all of it if the directory is another one.

        Opening the directory makes an NFS client ask the server whether it has changed.
        """
        try:
            descriptor = os.open(self._links, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            self._forget()
            self._note_older_documents([])
            return
        try:
            self._read_links(descriptor)
        finally:
            os.close(descriptor)

    def _read_links(self, descriptor: int) -> None:
        if not self._is_known(descriptor):
            self._forget()
        names = list(_links_after(descriptor, self._read))
        if not self._read:
            self._note_older_documents(names)
        for name in names:
            self._note(name)
        self._read, self._last = self._read + len(names), [self._last, *names][-1]

    def _is_known(self, descriptor: int) -> bool:
        """Tell whether the last entry that was read is still there: a request may be made anew."""
        return bool(self._read) and next(_links_after(descriptor, self._read - 1), "") == self._last

    def _note_older_documents(self, names: list[str]) -> None:
        """Note documents that are older than the journal, in the order of their times."""
        old, journalled = self._manifests.glob("[!.]*.[0-9]*.*.json"), set(names)
        for path in sorted(old, key=lambda path: (path.stat().st_mtime_ns, path.name)):
            if path.name not in journalled:
                self._note(path.name)

    def _note(self, name: str) -> None:
        entry = Entry.of(name, len(self._entries) + 1)
        if entry is None:
            return
        self._entries.append(entry)
        self._of_generation.setdefault(entry.generation, []).append(entry)
        self._names.add(entry.name)
        kinds = self._told.setdefault(entry.generation, {})
        kinds.setdefault(entry.kind, {})[entry.obs_id] = entry


@lru_cache(maxsize=512)
def journal_of(request: Path) -> Journal:
    """Return the journal of the request in a directory."""
    return Journal(request)


def has_length(request: Path, n_entries: int) -> bool:
    """Tell, without reading it, whether a journal has so many links."""
    links = request / "journal"
    last, following = links / _spell(n_entries), links / _spell(n_entries + 1)
    return last.is_symlink() and not following.is_symlink()


def _links_after(descriptor: int, number: int) -> Iterator[str]:
    """Yield the names of the documents whose links follow a number: numbers have no gaps."""
    while True:
        number += 1
        try:
            target = os.readlink(_spell(number), dir_fd=descriptor)
        except FileNotFoundError:
            return
        yield target.removeprefix("../manifests/")


def _spell(number: int) -> str:
    return f"{number:08d}"
