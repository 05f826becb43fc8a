"""The local executor: a bounded number of supervised processes, found again after a restart."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

from foa.jobs.model import Completed, Died, Ending, Job, JobState
from foa.tree.files import write_atomic


class LocalExecutor:
    """Runs at most `slots` jobs at a time. Jobs outlive it; what is known of them lies in their directories."""

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
        """Jobs that ended since the last call; waiting jobs take their places."""
        ended = [ending for job in self._running.values() if (ending := self._ending(job))]
        for ending in ended:
            del self._running[ending.name]
        self._fill()
        return ended

    def running(self) -> list[str]:
        """Names of the jobs that run now."""
        return list(self._running)

    def _fill(self) -> None:
        while self._queue and len(self._running) < self._slots:
            name = max(self._queue, key=lambda name: self._queue[name].priority)
            job = self._queue.pop(name)
            self._start(job)
            self._running[name] = job

    def _start(self, job: Job) -> None:
        intent = {"command": list(job.command), **job.resources.model_dump()}
        write_atomic(job.directory / "intent.json", json.dumps(intent).encode())
        command = [sys.executable, "-m", "foa.jobs.supervisor", str(job.directory)]
        # a session of its own: Ctrl-C in the terminal stops whoever waits for the job, not the job
        with (job.directory / "supervisor.err").open("wb") as err:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True,
                check=True,
            )  # fmt: skip

    def _ending(self, job: Job) -> Ending | None:
        alive = _is_locked(job.directory / "lock")  # asked first: an ending written in between is then seen
        path = job.directory / "ending.json"
        if path.exists():
            ended = json.loads(path.read_bytes())
            state, wall = ended.pop("state"), ended["wall_s"]
            return Died(job.name, JobState(state), **ended) if state else Completed(job.name, wall)
        return None if alive else Died(job.name, JobState.LOST)


def _is_locked(path: Path) -> bool:
    """Whether a living supervisor holds the lock."""
    try:
        with path.open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
