"""Write to the terminal: tables, lines, JSON; text of others is shown as it is."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

PIPE_WIDTH = 160
"""Columns where output goes to no terminal."""
HARMLESS = "\n\t\u00a0"
"""Characters that are not printable to Python and that no terminal acts upon."""
PRECISION = ".4g"
"""Format of numbers in tables."""


def printable(text: object) -> str:
    r"""Spell characters that a terminal would act upon: `\x1b` for an escape.

    These are control characters, marks that change the direction of text, and bytes of file names
    that are no UTF-8.
    """
    return "".join(
        one if one.isprintable() or one in HARMLESS else one.encode("unicode_escape").decode()
        for one in str(text)
    )


def literal(text: object, style: str = "") -> Text:
    """Return text of a document or a person for `rich`: brackets in it are no markup."""
    return Text(printable(text), style=style)


class _Console(Console):
    """Console that leaves it to the command what follows from a closed pipe."""

    def on_broken_pipe(self) -> None:
        """Raise the error, where rich would end the process."""
        raise BrokenPipeError


def make_console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or wide enough for tables where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return _Console(stderr=stderr, width=None if stream.isatty() else PIPE_WIDTH)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print text as it is: numbers are not coloured, and nothing is wrapped."""
    console.print(literal(text, style), highlight=False, soft_wrap=True)


def print_error(message: object) -> None:
    """Print what is wrong on stderr, in one line."""
    line = Text.assemble(("foa:", "red"), " ", printable(" ".join(str(message).split())))
    make_console(stderr=True).print(line, highlight=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print JSON for machines."""
    sys.stdout.write(json.dumps(content, indent=1, default=str) + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows of the same keys as a table, or as JSON."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        make_console().print("nothing")
        return
    columns = (Column(name, no_wrap=name == "request", overflow="fold") for name in rows[0])
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(_spell, row.values()))
    make_console().print(table)


def _spell(value: object) -> Text:
    """Spell a cell; nothing where there is no value."""
    if value is None:
        return Text()
    return literal(format(value, PRECISION) if isinstance(value, float) else value)
