"""Local executor: a bounded number of supervised processes, found again after a restart."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from foa.executors.port import Job
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
    """Runs at most `slots` jobs at a time.

    Jobs outlive the executor; all that is known of them lies in their directories.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._queue: dict[str, Job] = {}
        self._running: dict[str, Job] = {}

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
        return ended

    def running(self) -> list[str]:
        """Return the names of the jobs that run now."""
        return list(self._running)

    def _fill(self) -> None:
        while self._queue and len(self._running) < self._slots:
            name = max(self._queue, key=lambda name: self._queue[name].priority)
            job = self._queue.pop(name)
            _start(job)
            self._running[name] = job


def _start(job: Job) -> None:
    """Start the supervisor of a job; it returns when the job is in hand."""
    intent = {"command": list(job.command), **job.resources.model_dump()}
    write_atomic(job.directory / "intent.json", json.dumps(intent).encode())
    command = [sys.executable, "-m", SUPERVISOR, str(job.directory)]
    with (job.directory / "supervisor.err").open("wb") as err:
        subprocess.run(command, stderr=err, check=True, **DETACHED)


def _ending_of(job: Job) -> Ending | None:
    # The lock is looked at first: an ending written in between is then seen.
    alive = _is_locked(job.directory / "lock")
    path = job.directory / "ending.json"
    if path.exists():
        ended = json.loads(path.read_bytes())
        state, wall_s = ended.pop("state"), ended["wall_s"]
        return Died(job.name, JobState(state), **ended) if state else Completed(job.name, wall_s)
    return None if alive else Died(job.name, JobState.LOST)


def _is_locked(path: Path) -> bool:
    """Tell whether a living supervisor holds the lock."""
    try:
        with path.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
