"""`python -m foa_testing.chaos`: random faults over requests on real servers, and the count."""

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import structlog
import typer

from foa_testing.chaos.run import ChaosRun
from foa_testing.chaos.world import World
from foa_testing.stack.processes import SYSTEM_PROGRAMS
from foa_testing.stack.whole import missing_programs

Keep = Annotated[Path | None, typer.Option(help="directory that gets tree, logs and trace")]
Patience = Annotated[float, typer.Option(help="seconds without progress until all is stuck")]
Only = Annotated[str, typer.Option(help="kinds of faults, separated by commas; all if empty")]


app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def main(
    seed: int = 1,
    faults: int = 1000,
    requests: int = 200,
    patience: Patience = 600.0,
    only: Only = "",
    keep: Keep = None,
) -> None:
    """Exit with 1 if anything is lost, done twice, stuck or wrong."""
    if lacking := missing_programs():
        sys.exit(f"{', '.join(lacking)}: not on this host; `make servers` installs them")
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent)  # people miss the broker again and again
    os.environ["PATH"] += SYSTEM_PROGRAMS
    kinds = [name for name in only.split(",") if name]
    _say(f"--seed {seed} --faults {faults} --requests {requests}{only and f' --only {only}'}")
    root = Path(tempfile.mkdtemp(prefix="foa-chaos-"))
    world = World(root)
    try:
        with world.running(keep):
            verdict = ChaosRun(world, seed, faults, requests, patience, kinds, _say).go()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for kind, found in verdict.kinds.items():
        for told in found:
            _say(f"{kind}: {told}")
    _say(f"faults={faults} requests={requests} {verdict}")
    raise typer.Exit(0 if verdict.passed else 1)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    app()
