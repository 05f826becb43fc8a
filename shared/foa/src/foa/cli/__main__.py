"""`foa`: the operator's command."""

import importlib.metadata
import io
import sys
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from foa import __version__
from foa.cli import (
    broker_commands,
    cleaning,
    request_commands,
    site_commands,
    word_commands,
)
from foa.cli.endings import EPILOG, with_clear_errors

ENTRY_POINTS = "foa.commands"
"""Commands of other distributions, such as `foa synth` of foa-testing."""

HELP = """
The LST-1 Fast Offline Analysis: from DL1 files to significance, sky maps, spectrum and light curve.

Write a request (a target and its nights), [bold]foa run[/] it, and look at the results it names.
Run it again at any time: what is done is not done again.
[bold]foa show[/] and [bold]foa why[/] tell where every run stands.
"""


def make_app() -> typer.Typer:
    """Assemble the command from its parts and from what other distributions add."""
    app = typer.Typer(
        no_args_is_help=True,
        help=HELP,
        epilog=EPILOG,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    added = importlib.metadata.entry_points(group=ENTRY_POINTS)
    _add(app, request_commands.COMMANDS | word_commands.COMMANDS | site_commands.COMMANDS)
    _add(app, cleaning.COMMANDS)
    _add(app, {entry.name: entry.load() for entry in added})
    for name, (meaning, commands) in broker_commands.GROUPS.items():
        group = typer.Typer(no_args_is_help=True, help=meaning)
        _add(group, commands)
        app.add_typer(group, name=name)
    return app


def _add(app: typer.Typer, commands: Mapping[str, Callable[..., None]]) -> None:
    for name, command in commands.items():
        app.command(name)(with_clear_errors(command))


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"foa {__version__}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="print the version"),
    ] = False,
) -> None:
    """Take the options of the command itself."""


def main() -> None:
    """Run `foa`; characters that the terminal's encoding lacks are spelled."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    make_app()()


if __name__ == "__main__":
    main()
