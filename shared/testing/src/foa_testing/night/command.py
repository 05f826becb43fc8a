"""The command `foa synth`."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from foa.errors import FoaError
from foa.site import read_site

SERVICE = "dl2-converter"
"""The service whose environment has lstchain, which writes the night's files."""
DEMO_SITE = Path("deploy/sites/demo.yaml")


def synth(
    directory: Annotated[Path, typer.Argument(help="directory of the night")],
    site: Annotated[
        Path, typer.Option("--site", envvar="FOA_SITE", help="site file with the environments")
    ] = DEMO_SITE,
    seed: Annotated[int, typer.Option(help="of all random numbers")] = 2,
) -> None:
    """Make a synthetic night in the telescope's own formats.

    It consists of MC, Random Forests, runs good and bad, and datacheck files.
    A complete night is left as it is.
    """
    python = read_site(site).environments / SERVICE / "bin" / "python"
    if not python.exists():
        raise FoaError(f"the environment of {SERVICE} lacks {python}; run `make env`")
    command: list[str | Path] = [python, "-m", "foa_testing.night", directory, "--seed", str(seed)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)
