"""The results of a request, as the terminal shows them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from foa.cli.output import print_line
from foa.pipeline import job_services
from foa.pipeline.declaration import Table as ShownTable
from foa_stage.manifests import AnalysisReady
from foa_stage.tree import RunTree


def newest_results(tree: RunTree, request_id: str) -> Path | None:
    """Return the directory of the newest results, by the name of its version; None if gone."""
    ready = tree.manifests(request_id, AnalysisReady)
    if not ready:
        return None
    made = ready[-1].directory
    versions = tree.result_versions(request_id)
    found = next((version for version in versions if version.resolve() == made), made)
    return found if (found / "results.json").exists() else None


def read_results(directory: Path) -> dict[str, Any]:
    """Read `results.json` of an analysis."""
    return dict(json.loads((directory / "results.json").read_bytes()))


def print_results(console: Console, directory: Path) -> None:
    """Print the tables of the results, and where the report lies."""
    path = directory / "results.json"
    try:
        for table in tables_of(path.read_bytes()):
            _print_table(console, table)
    except ValueError as error:
        print_line(console, f"{path} cannot be read: {error}")
    print_line(console, f"report: {directory / 'report.html'}")


def _print_table(console: Console, table: ShownTable) -> None:
    if table.rows and not table.detailed:
        console.print(_render(table))
    for note in table.notes:
        print_line(console, note)


def tables_of(content: bytes) -> Sequence[ShownTable]:
    """Return the tables that the service that made results shows of them."""
    show = next((service.tables for service in job_services() if service.tables), None)
    return show(content) if show else ()


def _render(table: ShownTable) -> Table:
    rendered = Table(*map(escape, table.columns), title=escape(table.title), title_justify="left")
    for row in table.rows:
        rendered.add_row(*map(escape, row))
    return rendered
