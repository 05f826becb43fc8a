"""The one place where SLURM's commands are run."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

PASSED_ON = ("HOME", "LANG", "LC_", "LOGNAME", "PATH", "SLURM_", "TZ", "USER")
"""Variables that SLURM's commands, and with them the jobs, get from this process.

To leave the choice to `sbatch --export=NAMES` makes every job read the login environment of its user: it starts several
times as slowly.
"""


@dataclass(frozen=True)
class Answer:
    """What a command said; no code when it did not answer in time."""

    code: int | None
    out: str = ""
    err: str = ""


class Client(Protocol):
    """Runs a command of SLURM's."""

    def run(self, arguments: Sequence[str]) -> Answer:
        """Run it, and wait for its answer within reason."""


class HostClient:
    """SLURM's own programs on this host."""

    def __init__(self, timeout_s: float = 30.0) -> None:
        self._timeout_s = timeout_s

    def run(self, arguments: Sequence[str]) -> Answer:
        """Run a command; times in its answer are Unix times."""
        environment = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        environment["SLURM_TIME_FORMAT"] = "%s"
        try:
            ended = subprocess.run(
                arguments, capture_output=True, text=True, timeout=self._timeout_s, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            return Answer(None)
        except OSError as error:
            return Answer(None, err=f"{arguments[0]}: {error.strerror}")
        return Answer(ended.returncode, ended.stdout, ended.stderr)
