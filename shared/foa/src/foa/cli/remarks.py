"""What people said about a request, and what keeps it from going on, a line each."""

from datetime import UTC

from foa.pipeline import job_services
from foa_stage.manifests import (
    RequestCancelled,
    RequestCommented,
    RequestHeld,
    RequestPinned,
    Said,
    Word,
)
from foa_stage.tree import RunTree


def remarks_on(tree: RunTree, request_id: str) -> list[str]:
    """Return the words on a request, then what it waits for."""
    words = [_spell(_meaning_of(word), word.said) for word in tree.words(request_id)]
    return [*words, *_holds_of_services(tree), *waiting_for_scheduler(tree, request_id)]


def pauses_of(tree: RunTree, request_id: str) -> list[str]:
    """Return who holds submissions for a request, of all services or of some, each once."""
    holds = (tree.hold(request_id, service.name) for service in job_services())
    return [_spell("paused", said) for said in dict.fromkeys(filter(None, holds))]


def waiting_for_scheduler(tree: RunTree, request_id: str) -> list[str]:
    """Return why the scheduler does not take jobs of a request, each reason once."""
    newest = (link.work.attempts()[-1:] for link in tree.linked_works(request_id))
    reasons = (attempt.waiting for attempts in newest for attempt in attempts)
    return [f"waiting for the scheduler: {one}" for one in dict.fromkeys(filter(None, reasons))]


def _holds_of_services(tree: RunTree) -> list[str]:
    holds = tree.holds_of_services()
    names = ("", *(service.name for service in job_services()))
    return [
        _spell(f"{name or 'all services'}: paused", holds[name]) for name in names if name in holds
    ]


def _meaning_of(word: Word) -> str:
    match word:
        case RequestCancelled():
            return "cancelled"
        case RequestHeld():
            return "paused" if word.held else "resumed"
        case RequestPinned():
            return "pinned" if word.pinned else "unpinned"
        case RequestCommented():
            return "comment"


def _spell(what: str, said: Said) -> str:
    when = f"{said.when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{what} by {said.who}, {when}" + (f": {said.why}" if said.why else "")
