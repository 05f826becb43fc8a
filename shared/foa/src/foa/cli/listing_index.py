"""An index of finished requests, so that a tree of thousands is listed at once.

It lies below `cache/` of the run tree, can be thrown away at any time, and is made again.
"""

import contextlib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from foa import __version__
from foa_stage.tree import RunTree, write_atomic

Row = dict[str, Any]


class _Content(BaseModel):
    """What the file holds."""

    version: str
    rows: dict[str, tuple[int, Row]]
    """Number of records of a request, and its row."""


class ListingIndex:
    """Rows of requests about which nothing was recorded since."""

    def __init__(self, tree: RunTree) -> None:
        """Read the index, if there is one of this version."""
        self._tree, self._path = tree, tree.root / "cache/listing.json"
        self._rows: dict[str, tuple[int, Row]] = {}
        self._is_new = False
        with contextlib.suppress(OSError, ValidationError):
            content = _Content.model_validate_json(self._path.read_bytes())
            self._rows = content.rows if content.version == __version__ else {}

    def find(self, request_id: str) -> Row | None:
        """Return the row of a request; None if there is none, or something was recorded since."""
        n_recorded, row = self._rows.get(request_id, (0, None))
        return row if row and self._tree.is_unchanged(request_id, n_recorded) else None

    def keep(self, request_id: str, row: Row) -> None:
        """Keep the row of a finished request."""
        if n_recorded := self._tree.n_recorded(request_id):
            self._rows[request_id] = (n_recorded, row)
            self._is_new = True

    def save(self) -> None:
        """Write the index, if it has changed and the account may write there."""
        if self._is_new:
            content = _Content(version=__version__, rows=self._rows)
            with contextlib.suppress(OSError):
                write_atomic(self._path, json.dumps(content.model_dump()).encode())
