"""How the command ends: one line that says what is wrong, and an exit status."""

import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import typer

from foa.cli.output import print_error
from foa.errors import ExitStatus, FoaError
from foa_stage.manifests import ManifestRejected

P = ParamSpec("P")
EPILOG = "Exit status: " + "; ".join(f"{one.value} {one.meaning}" for one in ExitStatus) + "."


def with_clear_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Return a command that ends with an exit status of the table, and never with a traceback."""

    @wraps(command)
    def guarded(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            _silence()
        except (Exception, KeyboardInterrupt) as error:
            if sys.flags.dev_mode:  # PYTHONDEVMODE=1: who looks for a bug wants the traceback
                raise
            print_error(_describe(error))
            raise typer.Exit(_status_of(error)) from error

    return guarded


def _silence() -> None:
    """Let Python flush nothing more to whoever has read enough, such as `head`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status_of(error: BaseException) -> ExitStatus:
    if isinstance(error, FoaError):
        return error.status
    if isinstance(error, ManifestRejected):
        return ExitStatus.BAD_INPUT
    if isinstance(error, KeyboardInterrupt):
        return ExitStatus.INTERRUPTED
    return ExitStatus.UNAVAILABLE if isinstance(error, OSError) else ExitStatus.FAILED


def _describe(error: BaseException) -> str:
    """Say what is wrong, or where the bug is."""
    if isinstance(error, FoaError | ManifestRejected):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return spell_os_error(error) if isinstance(error, OSError) else _locate(error)


def spell_os_error(error: OSError) -> str:
    """Say which file is concerned, and why it could not be used."""
    if error.strerror is None:
        return str(error)
    paths = (os.fsdecode(path) for path in (error.filename, error.filename2) if path)
    return ": ".join((" → ".join(paths), error.strerror) if error.filename else (error.strerror,))


def _locate(bug: BaseException) -> str:
    """Name the innermost line of code where an unexpected error came up."""
    frame = traceback.extract_tb(bug.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}, in {frame.name}"
    return f"this is a bug: {type(bug).__name__}: {bug} ({where}); please report it"
