"""Write tables and errors to the terminal."""

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from foa.bus import BusAway
from foa.errors import FoaError
from foa_stage.manifests import ManifestRejected

P = ParamSpec("P")
PIPE_WIDTH = 160
"""Columns where output goes to no terminal."""
USAGE = 2
"""Exit code when what was asked is wrong."""


def make_console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or wide enough for tables where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_WIDTH)


def print_line(console: Console, text: str) -> None:
    """Print text as it is: brackets are no markup, numbers are not coloured, nothing is wrapped."""
    console.print(escape(text), highlight=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print JSON for machines."""
    sys.stdout.write(json.dumps(content, indent=1, default=str) + "\n")


def print_rows(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows of the same keys as a table, or as JSON."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        make_console().print("nothing")
        return
    table = Table(*(Column(name, no_wrap=name == "request") for name in rows[0]))
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
    make_console().print(table)


def with_clear_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command whose expected errors end in one line on stderr and exit code 2."""

    @wraps(command)
    def guarded(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except (FoaError, ManifestRejected, BusAway) as error:
            message = escape(str(error))
            console = make_console(stderr=True)
            console.print("[red]foa:[/]", message, highlight=False, soft_wrap=True)
            raise typer.Exit(USAGE) from error

    return guarded
