"""Where `foa` writes."""

import sys

from rich.console import Console

PIPE_WIDTH = 160
"""Columns when nobody's terminal says how many there are."""


def make_console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for tables where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_WIDTH)
