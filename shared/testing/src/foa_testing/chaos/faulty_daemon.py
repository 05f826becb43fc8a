"""A daemon whose clock and file system can be disturbed.

`python -m foa_testing.chaos.faulty_daemon FAULTS TREE SERVICE --site … --listen …` is the daemon
itself; files in the directory FAULTS switch faults on (see `foa_testing.chaos.layers`).
"""

import sys
from pathlib import Path

from foa_testing.chaos import layers


def main() -> None:
    """Disturb the process, then serve."""
    switches, tree = layers.Switches(Path(sys.argv[1])), Path(sys.argv[2])
    layers.step_clock(switches)
    layers.coarsen_times(switches)
    layers.age_listings(switches, tree)
    # only now: modules take the clock as default arguments when they are imported
    from foa.cli.__main__ import make_app
    from foa_stage.tree import Report

    layers.delay_reports(switches, Report)
    sys.argv[1:3] = ["serve"]
    make_app()()


if __name__ == "__main__":
    main()
