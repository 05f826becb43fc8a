"""Running lstchain's command-line tools, unmodified."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory


def run_tool(tool: str, *arguments: str | Path) -> None:
    """Run a tool of this environment.

    Raises
    ------
    RuntimeError
        With the end of what the tool said, if it fails.
    """
    command = [Path(sys.executable).parent / tool, *arguments]
    with TemporaryDirectory() as place:  # the tools leave provenance logs where they are called
        ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=place, check=False)
    if ended.returncode:
        raise RuntimeError(f"{tool} ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-2000:]}")
