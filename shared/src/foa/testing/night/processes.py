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
    """Run a tool of this environment; `seed` is for numpy's global generator, which training draws its splits from.

    Raises
    ------
    RuntimeError
        With the end of what the tool said, if it fails.
    """
    command = [sys.executable, "-c", SEEDED, seed, Path(sys.executable).parent / tool, *arguments]
    with TemporaryDirectory() as place:  # the tools leave provenance logs where they are called
        ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=place, check=False)
    if ended.returncode:
        raise RuntimeError(f"{tool} ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-2000:]}")
