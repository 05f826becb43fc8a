"""Starting, finding and stopping servers by their pid files."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

STOP_TIMEOUT_S = 60.0
CLOCK_ERROR_S = 1.0
"""Between the times of files and those of processes, which count in ticks since the boot."""
TRIALS = 3
"""To start a server."""
LINES = 30
"""Of the log of a server that does not start."""
SYSTEM_PROGRAMS = ":/usr/sbin:/sbin"
"""Directories of servers in Debian, for the PATH."""


class StackError(RuntimeError):
    """A server of the stack does not do what it should."""


def run(*command: str | Path, env: Mapping[str, str] | None = None, check: bool = True) -> str:
    """Run a command of the stack to its end; return what it printed.

    Raises
    ------
    StackError
        If it fails, unless `check` is off.
    """
    environment = os.environ | dict(env or {})
    words = [str(word) for word in command]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if check and ended.returncode:
        said = ended.stderr or ended.stdout
        raise StackError(f"{' '.join(words)} ended with {ended.returncode}: {said}")
    return ended.stdout


def start(
    *command: str | Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Start a server in a session of its own."""
    environment = os.environ | dict(env or {})
    with log.open("ab") as out:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out}
        words = ["setsid", "--fork", *map(str, command)]
        subprocess.run(words, **streams, env=environment, cwd=cwd, check=True)


def start_noted(*command: str | Path, pid_file: Path, log: Path) -> None:
    """Start a server that does not note its process itself."""
    start("sh", "-c", 'echo $$ > "$0"; exec "$@"', pid_file, *command, log=log)


def answers(url: str) -> bool:
    """Tell whether a server says that all is well."""
    try:
        with urllib.request.urlopen(url) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port of this host."""
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def wait_until(
    condition: Callable[[], object],
    what: str = "what is waited for",
    timeout_s: float = 60.0,
    interval_s: float = 0.05,
) -> None:
    """Wait for something to become so.

    Raises
    ------
    StackError
        If it does not in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"{what}: not within {timeout_s:g} s")
        time.sleep(interval_s)


def pid_of(pid_file: Path) -> int | None:
    """Return the living process of a pid file.

    A zombie, reaped late, counts as gone, and so does the process of a file that is older than it:
    numbers of processes are given again.
    """
    try:
        pid, written = int(pid_file.read_text()), pid_file.stat().st_mtime
        is_older = psutil.Process(pid).create_time() < written + CLOCK_ERROR_S
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if is_older and _lives(pid) else None


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def stop(
    pid_file: Path, number: signal.Signals = signal.SIGTERM, timeout_s: float = STOP_TIMEOUT_S
) -> None:
    """Stop the server of a pid file, by force if it does not go, and wait until it is gone.

    Raises
    ------
    StackError
        If it lives on.
    """
    pid = pid_of(pid_file)
    if pid is not None and not any(
        _goes(pid, sent, timeout_s) for sent in (number, signal.SIGKILL)
    ):
        raise StackError(f"{pid_file.stem}: process {pid} does not end")
    pid_file.unlink(missing_ok=True)


def _goes(pid: int, number: signal.Signals, timeout_s: float) -> bool:
    """Send a signal to a process; tell whether it ends in time."""
    try:
        os.kill(pid, number)
        wait_until(lambda: not _lives(pid), "its end", timeout_s)
    except ProcessLookupError:
        return True
    except StackError:
        return False
    return True


def start_surely(start_it: Callable[[], object], log: Path | None = None) -> None:
    """Start a server, again if it does not answer: its port may not be free at once.

    Raises
    ------
    StackError
        If it answers after none of the trials, with the end of its log.
    """
    for _ in range(TRIALS - 1):
        try:
            start_it()
        except StackError:
            continue
        return
    try:
        start_it()
    except StackError as error:
        raise StackError(f"{error}\n{_end_of(log)}" if log else str(error)) from None


def _end_of(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LINES:])
    except OSError as error:
        return str(error)
