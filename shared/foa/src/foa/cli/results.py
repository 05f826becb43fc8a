"""The results of a request, as the terminal shows them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from foa.cli.output import literal, print_line
from foa.errors import FoaError
from foa.pipeline import job_services
from foa.pipeline.declaration import Table as ShownTable
from foa_stage.tree import RunTree


def newest_results(tree: RunTree, request_id: str) -> Path | None:
    """Return the directory of the results that count; None if there are none, or they are gone."""
    found = tree.newest_results(request_id)
    return found if found and (found / "results.json").exists() else None


def read_results(directory: Path) -> dict[str, Any]:
    """Read `results.json` of an analysis.

    Raises
    ------
    FoaError
        If it is no JSON object.
    """
    path = directory / "results.json"
    try:
        return dict(json.loads(path.read_bytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise FoaError(f"{path} cannot be read: {error}") from error


def read_significance(directory: Path) -> float | None:
    """Return the significance of all runs: from theta² of DL3 data, or of DL2 without those."""
    try:
        plots = read_results(directory)["findings"]["all"]["theta2"]
        chosen = max(plots, key=lambda plot: str(plot["level"]), default=None)
        return float(chosen["counts"]["significance"]) if chosen else None
    except (FoaError, OSError, ValueError, KeyError, TypeError):
        return None  # absent, or of another version: `foa show` says so


def print_results(console: Console, directory: Path) -> None:
    """Print the tables of the results, and where the report lies."""
    path = directory / "results.json"
    try:
        for table in tables_of(path.read_bytes()):
            _print_table(console, table)
    except ValueError as error:
        print_line(console, " ".join(f"{path} cannot be read: {error}".split()), style="red")
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
    rendered = Table(
        *(Column(literal(name), overflow="fold") for name in table.columns),
        title=literal(table.title),
        title_justify="left",
    )
    for row in table.rows:
        rendered.add_row(*map(literal, row))
    return rendered
