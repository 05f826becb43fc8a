"""What people said about requests and services, as it is kept in the tree."""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from foa_stage.manifests import (
    ManifestRejected,
    RequestCancelled,
    RequestHeld,
    RequestPinned,
    RequestSubmitted,
    Said,
    ServiceHeld,
    Veto,
    Word,
    read_message,
    write_manifest,
)
from foa_stage.manifests.words import WORDS
from foa_stage.tree.documents import name_in, read_document
from foa_stage.tree.files import write_atomic
from foa_stage.tree.journal import journal_of
from foa_stage.tree.records import RequestRecords

W = TypeVar("W", RequestCancelled, RequestHeld, RequestPinned)


@dataclass(frozen=True)
class Words(RequestRecords):
    """The words on requests, and the holds of services, of the run tree below `root`."""

    def words(self, request_id: str) -> list[Word]:
        """Return what was said about a request besides submissions, in the order it was said.

        Services record words when they hear them; one that was postponed is recorded late.
        """
        names = (entry.name for entry in self._journal(request_id).of_generation(WORDS))
        found = (read_document(self._path(request_id, name)) for name in dict.fromkeys(names))
        words = [word for word in found if isinstance(word, Word)]
        return sorted(words, key=lambda word: word.said.when)

    def cancellation(self, request_id: str) -> Said | None:
        """Return who cancelled a request, unless it was submitted again afterwards."""
        word = self._last_word(request_id, RequestCancelled)
        if word is None:
            return None
        submitted = self.submission(request_id)
        if submitted and submitted.said:
            return word.said if submitted.said.when <= word.said.when else None
        cancelled = self.number(request_id, RequestCancelled, 0, WORDS)
        return word.said if cancelled > self.number(request_id, RequestSubmitted, 0) else None

    def hold(self, request_id: str, service: str) -> Said | None:
        """Return who holds the submissions of a service for a request, if anybody does."""
        word = self._last_word(request_id, RequestHeld)
        if word and word.held:
            return word.said
        holds = self.holds_of_services()
        return holds.get(service) or holds.get("")

    def is_pinned(self, request_id: str) -> bool:
        """Tell whether all products of a request are to be kept; also if nobody can tell."""
        if not self.number(request_id, RequestPinned, 0, WORDS):
            return False
        word = self._last_word(request_id, RequestPinned)
        return word is None or word.pinned

    def _last_word(self, request_id: str, kind: type[W]) -> W | None:
        said = (word for word in self.words(request_id) if isinstance(word, kind))
        return next(reversed(list(said)), None)

    def submission(self, request_id: str, generation: str | None = None) -> RequestSubmitted | None:
        """Return the submission that opened a generation, if it is known."""
        return self.newest(request_id, RequestSubmitted, generation=generation)

    def vetoes(self, request_id: str) -> tuple[Veto, ...]:
        """Return the vetoes that the newest submission carries."""
        newest = self.submission(request_id)
        return newest.vetoes if newest else ()

    def hear_hold(self, word: ServiceHeld) -> None:
        """Keep what was said about the submissions of a service."""
        name = name_in(WORDS, word)
        path = self.root / "holds/manifests" / name
        if not path.exists():
            write_atomic(path, write_manifest(word))
        journal_of(self.root / "holds").add(name, again=False)

    def holds_of_services(self) -> dict[str, Said]:
        """Return who holds the submissions of which services; the empty name is all services."""
        entries = journal_of(self.root / "holds").entries()
        found = (_read_hold(self.root / "holds/manifests" / entry.name) for entry in entries)
        words = sorted(filter(None, found), key=lambda word: word.said.when)
        newest = {word.service: word for word in words}
        return {service: word.said for service, word in newest.items() if word.held}


@lru_cache(maxsize=256)
def _read_hold(path: Path) -> ServiceHeld | None:
    """Read a hold once; None if this version cannot read it."""
    with suppress(ManifestRejected):
        message = read_message(path.read_bytes())
        return message if isinstance(message, ServiceHeld) else None
    return None
