"""Make the synthetic night: `python -m foa_testing.night DIRECTORY`, in an lstchain environment."""

import argparse
from pathlib import Path

from foa_testing.night.building import make_night


def main() -> None:
    """Read the command line and make the night."""
    parser = argparse.ArgumentParser(prog="foa_testing.night", description=__doc__)
    parser.add_argument("directory", type=Path, help="directory of the night")
    parser.add_argument("--seed", type=int, default=2, help="of all random numbers")
    arguments = parser.parse_args()
    make_night(arguments.directory.resolve(), arguments.seed)


if __name__ == "__main__":
    main()
