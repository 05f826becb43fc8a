"""Requests in the tree: their directories, ids and documents."""

import glob
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from foa_stage.manifests import Request
from foa_stage.tree.documents import Unreadable, spell_fault


@dataclass(frozen=True)
class Requests:
    """The requests of the run tree below `root`."""

    root: Path

    def request_directory(self, request_id: str) -> Path:
        """Return the directory of everything about a request."""
        return self.root / "requests" / request_id

    def request_ids(self, beginning: str = "") -> list[str]:
        """Return the ids of the requests that begin so, oldest first."""
        paths = self.root.glob(f"requests/{glob.escape(beginning)}*/request.json")
        return [path.parent.name for path in sorted(paths, key=_age_of)]

    def request_ids_by_activity(self) -> list[str]:
        """Return the ids of all requests, first that about which something was recorded last."""
        requests = self.root / "requests"
        directories = requests.iterdir() if requests.is_dir() else ()
        newest_first = sorted(((_active(path), path.name) for path in directories), reverse=True)
        return [name for active, name in newest_first if active]

    def request(self, request_id: str) -> Request | Unreadable:
        """Read a request."""
        path = self.request_directory(request_id) / "request.json"
        try:
            return Request.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            return Unreadable(path, spell_fault(error))

    def known(self, request: Request) -> Request:
        """Return the recorded request that asks for the same, else this one.

        So a request file asks for the same request after an upgrade that gives models new fields.
        """
        recorded = map(self.request, self.request_ids(request.subject))
        same = (one for one in recorded if isinstance(one, Request) and one.asks_the_same(request))
        return next(same, request)


def _active(request: Path) -> int:
    """Return when something was last recorded about a request (ns); 0 if never."""
    for name in ("journal", "manifests"):
        with suppress(FileNotFoundError, NotADirectoryError):
            return (request / name).stat().st_mtime_ns
    return 0


def _age_of(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name
