"""All requests in a table: what each is, how far it is, what was found."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from foa.cli import results
from foa.cli.listing_index import ListingIndex
from foa.cli.output import make_console, print_json, print_line, print_rows
from foa.cli.progress import failure_at
from foa.pipeline.progress import ENDED, Progress, progress_of
from foa_stage.manifests import Request
from foa_stage.tree import RunTree, Unreadable

Row = dict[str, Any]
Rows = Sequence[Row]
COLUMNS = (
    *("request", "target", "profile", "nights", "runs", "failed"),
    *("phase", "significance", "submitted"),
)
UNREADABLE = "unreadable"
"""Stands for the phase of a request that cannot be looked at."""
DISPENSABLE = ("profile", "submitted", "nights", "failed", "significance")
"""Columns that a narrow terminal does not show, the first ones first."""


def print_requests(tree: RunTree, *, as_json: bool) -> None:
    """Print what is wrong, then a row per request."""
    rows = list_requests(tree)
    if as_json:
        print_json(rows)
        return
    console = make_console()
    for row in rows:
        if row["reason"]:
            print_line(console, f"{row['request']} {row['phase']}: {row['reason']}", style="red")
    columns = _choose_columns(rows, console.width)
    print_rows([{name: row[name] for name in columns} for row in rows], as_json=False)


def _choose_columns(rows: Rows, width: int) -> list[str]:
    """Return the columns that a terminal has room for."""
    columns = list(COLUMNS)
    for name in DISPENSABLE:
        if sum(_width(rows, one) for one in columns) >= width:
            columns.remove(name)
    return columns


def _width(rows: Rows, column: str) -> int:
    """Return the width of a column with its border."""
    return max(len(str(row[column])) for row in ({column: column}, *rows)) + 3


def list_requests(tree: RunTree) -> list[Row]:
    """Return one row per request, oldest first.

    A row tells target, profile, nights, numbers of runs and of failed ones, phase, significance,
    time of submission (UTC), and as `reason` why it failed or cannot be read.
    """
    index = ListingIndex(tree)
    rows = [_find_row(index, tree, one) for one in tree.request_ids()]
    index.save()
    return rows


def _find_row(index: ListingIndex, tree: RunTree, request_id: str) -> Row:
    """Return the row of a request; whatever is odd about a request concerns its row alone."""
    empty: Row = {"request": request_id} | dict.fromkeys((*COLUMNS[1:], "reason"))
    try:
        return empty | (index.find(request_id) or _indexed_row(index, tree, request_id))
    except (OSError, ValueError) as error:
        return empty | {"phase": UNREADABLE, "reason": " ".join(str(error).split())}


def _indexed_row(index: ListingIndex, tree: RunTree, request_id: str) -> Row:
    """Make the row of a request, and keep it if nothing more is to come."""
    row = _row(tree, request_id)
    if row["phase"] in ENDED:
        index.keep(request_id, row)
    return row


def _row(tree: RunTree, request_id: str) -> Row:
    request = tree.request(request_id)
    if isinstance(request, Unreadable):
        return {"phase": UNREADABLE, "reason": request.reason}
    progress = progress_of(tree, request_id)
    return _describe(request) | _measure(progress) | _conclude(tree, progress)


def _describe(request: Request) -> Row:
    first, last = str(request.first_night), str(request.last_night)
    return {
        "target": request.target.name,
        "profile": request.profile.name,
        "nights": first if first == last else f"{first} … {last}",
    }


def _measure(progress: Progress) -> Row:
    """Count runs by the names of files."""
    failed = [stages for stages in progress.runs.values() if list(stages.values())[-1] == "failed"]
    return {
        "runs": len(progress.runs),
        "failed": len(failed),
        "phase": progress.phase,
        "submitted": f"{datetime.fromtimestamp(progress.submitted, UTC):%Y-%m-%d %H:%M}",
    }


def _conclude(tree: RunTree, progress: Progress) -> Row:
    """Read what was found, and why the request failed if it did."""
    row: Row = {"reason": failure_at(progress, tree)}
    if newest := results.newest_results(tree, progress.request_id):
        row["significance"] = results.read_significance(newest)
    return row
