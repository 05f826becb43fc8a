"""Running lstchain's command-line tools, unmodified."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

SEEDED = """
import runpy, sys, numpy
numpy.random.seed(int(sys.argv[1]))
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_tool(tool: str, *arguments: str | Path, seed: int = 0) -> None:
    """Run a tool of this environment.

    Parameters
    ----------
    seed
        Seed of numpy's global generator, from which lstchain draws the splits of the training.

    Raises
    ------
    RuntimeError
        If the tool fails; the message holds the end of its output.
    """
    program = Path(sys.executable).parent / tool
    command = [str(part) for part in (sys.executable, "-c", SEEDED, seed, program, *arguments)]
    with TemporaryDirectory() as scratch:  # the tools leave provenance logs where they are called
        ended = subprocess.run(command, capture_output=True, text=True, cwd=scratch, check=False)
    if ended.returncode:
        output = (ended.stdout + ended.stderr)[-2000:]
        raise RuntimeError(f"{tool} ended with {ended.returncode}: {output}")
