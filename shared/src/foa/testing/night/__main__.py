"""Make the synthetic night: `python -m foa.testing.night DIR`, in an environment with lstchain."""

from pathlib import Path
from typing import Annotated

import typer

from foa.testing.night.building import make_night


def _main(
    directory: Annotated[Path, typer.Argument(help="where the night goes")],
    seed: Annotated[int, typer.Option(help="of every random number")] = 2,
) -> None:
    """Make the synthetic night."""
    make_night(directory.resolve(), seed)


if __name__ == "__main__":
    typer.run(_main)
