"""The session of a local job: all its processes, also those that outlive its supervisor."""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from foa_stage.tree import write_atomic

LEADER_NAME = "leader.json"
"""File in a job's directory that tells the first process of its session."""
PROC = Path("/proc")
ENDED = "ZX"
"""Letters of processes that only wait for their parent to take note of their end."""


@dataclass(frozen=True)
class Leader:
    """The first process of a session."""

    boot: str
    """Id of the boot of its host: numbers of processes start anew with each."""
    pid: int
    """Also the id of the session: no other process gets it while the session has a member."""
    start: int
    """When it started, in clock ticks since the boot, which no setting of a clock changes."""


def record_leader(directory: Path, pid: int) -> None:
    """Write down the first process of a job's session, if the disk is not full."""
    with contextlib.suppress(OSError):
        leader = Leader(_boot(), pid, _state_session_start(pid)[2])
        write_atomic(directory / LEADER_NAME, json.dumps(asdict(leader)).encode())


def kill_survivors(directory: Path) -> bool:
    """Kill what lives of a job's session; tell whether there was anything.

    The session is over when there is nothing any more.
    """
    try:
        leader = Leader(**json.loads((directory / LEADER_NAME).read_bytes()))
    except FileNotFoundError:
        return False
    return leader.boot == _boot() and sum(map(_kill, _survivors(leader))) > 0


def _survivors(leader: Leader) -> list[psutil.Process]:
    """Return the session's processes; none if its id has become that of another session."""
    survivors = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            state, session, start = _state_session_start(process.pid)
            if process.pid == leader.pid and start != leader.start:
                return []
            if session == leader.pid and start >= leader.start and state not in ENDED:
                survivors.append(process)
    return survivors


def _kill(process: psutil.Process) -> bool:
    try:
        process.kill()
    except psutil.Error:
        return False
    return True


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _state_session_start(pid: int) -> tuple[str, int, int]:
    """Read fields 3, 6 and 22 of proc_pid_stat(5); raises OSError if there is no such process."""
    fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    return fields[0].decode(), int(fields[3]), int(fields[19])
