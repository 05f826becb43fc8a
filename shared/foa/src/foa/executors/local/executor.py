"""Local executor: a bounded number of supervised processes, found again after a restart."""

import fcntl
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import structlog

from foa.executors.local.session import kill_survivors
from foa.executors.local.supervisor import CANCEL_NAME
from foa.executors.patience import FIRST_PAUSE_S, Patience
from foa.executors.port import Job
from foa.executors.waiting import note_waiting, remove_note
from foa_stage.jobs import Completed, Died, Ending, JobState
from foa_stage.tree import write_atomic

SUPERVISOR = "foa.executors.local.supervisor"
DETACHED: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.DEVNULL,
    "start_new_session": True,
}
"""Run in a session of its own: Ctrl-C in the terminal must not reach the job."""


class LocalExecutor:
    """Runs at most `slots` jobs at a time; of equal priority, those submitted first go first.

    Jobs outlive the executor; all that is known of them lies in their directories. A job whose
    supervisor cannot be started, as on a full disk, stays in the queue.

    Parameters
    ----------
    slots
        Number of jobs at a time.
    first_pause_s
        Time from a first failure to start a job to the next trial.
    """

    def __init__(self, slots: int, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._slots = slots
        self._patience = Patience(time.monotonic, first_pause_s)
        self._log = structlog.get_logger(executor="local")
        self._queue: dict[str, Job] = {}
        self._running: dict[str, Job] = {}
        self._cancelled: list[Ending] = []

    def submit(self, job: Job) -> None:
        """Accept a job; one that runs or has ended already is taken over as it is."""
        if job.name in self._running or job.name in self._queue:
            return
        if (job.directory / "started").exists():
            self._running[job.name] = job
        else:
            self._queue[job.name] = job
            self._fill()

    def endings(self) -> list[Ending]:
        """Return the jobs that ended since the last call, and start waiting ones instead."""
        ended = [ending for job in self._running.values() if (ending := _ending_of(job))]
        for ending in ended:
            del self._running[ending.name]
        self._fill()
        cancelled, self._cancelled = self._cancelled, []
        return [*ended, *cancelled]

    def running(self) -> list[str]:
        """Return the names of the jobs that run now."""
        return list(self._running)

    def cancel(self, name: str) -> None:
        """End a job, begun or not."""
        if job := self._queue.pop(name, None):
            self._cancelled.append(Died(job.name, JobState.CANCELLED))
        elif job := self._running.get(name):
            (job.directory / CANCEL_NAME).touch()

    def _fill(self) -> None:
        while self._queue and len(self._running) < self._slots and self._patience.permits():
            name = max(self._queue, key=lambda name: self._queue[name].priority)
            job = self._queue.pop(name)
            if not self._try_start(job):
                self._queue[name] = job  # behind others of its priority
                return
            self._running[name] = job

    def _try_start(self, job: Job) -> bool:
        try:
            _start(job)
        except (OSError, subprocess.CalledProcessError) as error:
            self._patience.refuse(str(error))
            self._log.warning("cannot be started", job=job.name, reason=str(error))
            note_waiting(job.directory, str(error))
            return False
        self._patience.accept()
        remove_note(job.directory)
        return True


def _start(job: Job) -> None:
    """Start the supervisor of a job; it returns when the job is in hand."""
    intent = {"command": list(job.command), **job.resources.model_dump()}
    write_atomic(job.directory / "intent.json", json.dumps(intent).encode())
    command = [sys.executable, "-m", SUPERVISOR, str(job.directory)]
    with (job.directory / "supervisor.err").open("wb") as err:
        subprocess.run(command, stderr=err, check=True, **DETACHED)


def _ending_of(job: Job) -> Ending | None:
    """Return how a job ended; None if it has not, or its directory cannot be read now."""
    try:
        return _read_ending(job)
    except OSError:
        return None


def _read_ending(job: Job) -> Ending | None:
    # The lock is looked at first: an ending written in between is then seen.
    alive = _is_locked(job.directory / "lock")
    path = job.directory / "ending.json"
    if path.exists():
        ended = json.loads(path.read_bytes())
        state, wall_s = ended.pop("state"), ended["wall_s"]
        return Died(job.name, JobState(state), **ended) if state else Completed(job.name, wall_s)
    if alive or kill_survivors(job.directory):
        return None
    return Died(job.name, JobState.LOST)


def _is_locked(path: Path) -> bool:
    """Tell whether a living supervisor holds the lock, or nobody can tell now.

    NFS locks a file exclusively only for those who may write it: hence the shared lock.
    """
    try:
        with path.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
