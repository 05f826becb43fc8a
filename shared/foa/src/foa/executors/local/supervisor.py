"""Supervisor of one local job: `python -m foa.executors.local.supervisor ATTEMPT_DIR`.

The command returns as soon as it has the job in hand, and goes on in the background, outliving
whoever started it. While it lives it holds a lock on `lock`; when the job has ended it writes
`ending.json`. A free lock and no `ending.json` mean that the supervisor itself was killed. The
processes that the job leaves then are found by their session (`foa.executors.local.session`).
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from foa.executors.local.session import record_leader
from foa_stage.jobs import JobState
from foa_stage.tree import write_atomic

CANCEL_NAME = "cancel"
"""File in a job's directory that asks for its end."""
POLL_S = 0.1
MIB = 1 << 20
PR_SET_PDEATHSIG = 1


def supervise(directory: Path) -> None:
    """Run the job described by `intent.json` in `directory`, unless another supervisor has it."""
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not (directory / "ending.json").exists():
            (directory / "started").touch()
            if os.fork():
                os._exit(0)  # the lock stays with the child
            os.setsid()
            ending = _run(directory, json.loads((directory / "intent.json").read_bytes()))
            write_atomic(directory / "ending.json", json.dumps(ending).encode())


def _run(directory: Path, intent: dict[str, Any]) -> dict[str, Any]:
    """Run the job to its end; return what `ending.json` shall hold."""
    with (directory / "out").open("wb") as out, (directory / "err").open("wb") as err:
        settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err}
        settings |= {"start_new_session": True, "preexec_fn": _die_with_parent}
        child = psutil.Popen(intent["command"], **settings)
    record_leader(directory, child.pid)
    start = time.monotonic()
    cancel = directory / CANCEL_NAME
    ending = _watch(child, intent["memory_mib"], start + intent["time_limit_s"], cancel)
    return ending | {"wall_s": round(time.monotonic() - start, 2)}


def _die_with_parent() -> None:
    """Make the kernel kill this process when its parent, the supervisor, is killed."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(child: psutil.Popen, memory_mib: int, deadline: float, cancel: Path) -> dict[str, Any]:
    """Wait for the job to end, or end it when it exceeds a limit or is cancelled."""
    peak, state = 0, None
    while child.poll() is None:
        peak = max(peak, _memory(child) // MIB)
        if peak > memory_mib:
            state = JobState.OUT_OF_MEMORY
        elif time.monotonic() > deadline:
            state = JobState.TIMEOUT
        elif cancel.exists():
            state = JobState.CANCELLED
        if state:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            break
        time.sleep(POLL_S)
    code = child.returncode
    if code and state is None:
        cancelled = code in (-signal.SIGTERM, -signal.SIGINT)
        state = JobState.CANCELLED if cancelled else JobState.FAILED
    return {"state": state, "exit_code": code, "peak_memory_mib": peak}


def _memory(process: psutil.Process) -> int:
    """Return the resident memory of a process and all its descendants, in bytes."""
    total = 0
    try:
        for member in (process, *process.children(recursive=True)):
            total += member.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


if __name__ == "__main__":
    supervise(Path(sys.argv[1]))
