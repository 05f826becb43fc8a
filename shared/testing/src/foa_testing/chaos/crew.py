"""The daemons under test: started, killed, paused, and started again as systemd would."""

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from foa.pipeline import installed_services
from foa_testing.stack.processes import answers, pid_of, start_noted

MODULE = "foa_testing.chaos.faulty_daemon"
REPLICAS = 2
"""Of each service."""
START_S = 5.0
"""A daemon that has died by itself is started again after this time."""


@dataclass
class Crew:
    """Several daemons of each service at a site; all of them live again sooner or later."""

    home: Path
    site: Path
    tree: Path
    base_port: int
    due: dict[str, float] = field(default_factory=dict)
    """When a dead daemon is to be started, in seconds of the monotonic clock."""

    @property
    def services(self) -> dict[str, str]:
        """Return the service of each daemon."""
        numbers = range(1, REPLICAS + 1)
        names = [service.name for service in installed_services()]
        return {f"{name}-{number}": name for name in names for number in numbers}

    @property
    def living(self) -> list[str]:
        """Return the daemons that live, paused ones included."""
        return [name for name in self.services if self._pid(name)]

    @property
    def unready(self) -> list[str]:
        """Return the daemons that say that something keeps them from work, or say nothing."""
        return [
            name for name in self.services if not answers(f"http://{self._address(name)}/ready")
        ]

    def tend(self) -> None:
        """Start what is dead and due."""
        for name in self.services.keys() - set(self.living):
            due = self.due.setdefault(name, time.monotonic() + START_S)
            if time.monotonic() >= due:
                self.start(name)

    def start(self, name: str) -> None:
        """Start a daemon, and do not wait for it."""
        self.due.pop(name, None)
        self.faults(name).mkdir(parents=True, exist_ok=True)
        command = (sys.executable, "-m", MODULE, self.faults(name), self.tree, self.services[name])
        options = ("--site", self.site, "--listen", self._address(name))
        self._pid_file(name).unlink(missing_ok=True)
        start_noted(*command, *options, pid_file=self._pid_file(name), log=self.log(name))
        self.due[name] = time.monotonic() + START_S

    def kill(self, name: str, dead_s: float) -> None:
        """Kill a daemon; it is started again after some seconds."""
        self.due[name] = time.monotonic() + dead_s
        self.send(name, signal.SIGKILL)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a daemon, if it lives."""
        if pid := self._pid(name):
            os.kill(pid, number)

    def stop_all(self) -> None:
        """Kill whatever lives."""
        for name in self.living:
            self.send(name, signal.SIGKILL)

    def faults(self, name: str) -> Path:
        """Return the directory whose files switch faults of a daemon on."""
        return self.home / "faults" / name

    def log(self, name: str) -> Path:
        """Return the file that a daemon logs to."""
        return self.home / "daemons" / f"{name}.log"

    def _address(self, name: str) -> str:
        return f"127.0.0.1:{self.base_port + list(self.services).index(name)}"

    def _pid(self, name: str) -> int | None:
        return pid_of(self._pid_file(name))

    def _pid_file(self, name: str) -> Path:
        return self.home / "daemons" / f"{name}.pid"
