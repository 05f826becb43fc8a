"""The command `foa synth`."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from foa.cli.options import SiteOption, site_of
from foa.errors import FoaError

SERVICE = "dl2-converter"
"""The service whose environment has lstchain, which writes the night's files."""


def synth(
    directory: Annotated[Path, typer.Argument(help="directory of the night")],
    site: SiteOption = None,
    seed: Annotated[int, typer.Option(help="of all random numbers")] = 2,
) -> None:
    """Make a synthetic night in the telescope's own formats.

    It consists of MC, Random Forests, runs good and bad, and datacheck files.
    A complete night is left as it is.
    """
    python = site_of(site).environments / SERVICE / "bin" / "python"
    if not python.exists():
        raise FoaError(f"the environment of {SERVICE} lacks {python}; run `make env`")
    command: list[str | Path] = [python, "-m", "foa_testing.night", directory, "--seed", str(seed)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
