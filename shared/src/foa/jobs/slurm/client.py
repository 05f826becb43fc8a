"""How SLURM is spoken to: what any way of doing so offers, and the way by the programs of this host."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from foa.jobs.model import Job
from foa.jobs.slurm import text
from foa.jobs.slurm.text import Row, SlurmSettings, Submission

PASSED_ON = ("HOME", "LANG", "LC_", "LOGNAME", "PATH", "SLURM_", "TZ", "USER")
"""Variables that SLURM's commands, and with them the jobs, get from this process.

To leave the choice to `sbatch --export=NAMES` makes every job read the login environment of its user: it starts several
times as slowly.
"""
TIMEOUT_S = 30.0


class NoAnswer(Exception):
    """SLURM did not answer, or not with an answer; says why."""


class Client(Protocol):
    """A way of speaking to SLURM. Nothing it says is remembered here."""

    def submit(self, job: Job) -> Submission:
        """Hand a job over."""

    def queued(self, names: Sequence[str]) -> list[Row]:
        """Jobs of these names that the controller holds in memory; raises NoAnswer."""

    def accounted(self, names: Sequence[str], since: int) -> list[Row]:
        """Jobs of these names in the accounting, submitted after a Unix time; raises NoAnswer."""

    def check(self) -> str:
        """What SLURM says to somebody who wants to submit jobs; raises NoAnswer if it would not take them."""


def passed_on() -> dict[str, str]:
    """The variables that jobs get."""
    return {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}


@dataclass(frozen=True)
class _Answer:
    """What a command said; no code when it did not answer in time."""

    code: int | None
    out: str = ""
    err: str = ""


class HostClient:
    """By SLURM's own programs on this host."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings

    def submit(self, job: Job) -> Submission:
        """Run sbatch."""
        answer = self._run(text.sbatch_arguments(job, self._settings))
        return text.read_submission(answer.code, answer.out, answer.err)

    def queued(self, names: Sequence[str]) -> list[Row]:
        """Run squeue."""
        return text.read_squeue(self._ask(text.squeue_arguments(names)).out)

    def accounted(self, names: Sequence[str], since: int) -> list[Row]:
        """Run sacct."""
        return text.read_sacct(self._ask(text.sacct_arguments(names, since)).out)

    def check(self) -> str:
        """Let sbatch look at a job without submitting it."""
        return text.read_test(self._ask(text.test_arguments(self._settings)).err)

    def _ask(self, arguments: Sequence[str]) -> _Answer:
        answer = self._run(arguments)
        if answer.code != 0:
            raise NoAnswer(text.read_test(answer.err) or f"{arguments[0]} did not answer")
        return answer

    @staticmethod
    def _run(arguments: Sequence[str]) -> _Answer:
        """Run a command; times in its answer are Unix times."""
        environment = passed_on() | {"SLURM_TIME_FORMAT": "%s"}
        try:
            ended = subprocess.run(
                arguments, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
            )
        except subprocess.TimeoutExpired:
            return _Answer(None)
        except OSError as error:
            return _Answer(None, err=f"{arguments[0]}: {error.strerror}")
        return _Answer(ended.returncode, ended.stdout, ended.stderr)
