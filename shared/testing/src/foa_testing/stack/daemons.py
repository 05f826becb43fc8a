"""The services as daemons of this host, each with a port for Prometheus."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from foa_testing.stack.processes import answers, pid_of, start_noted, stop, wait_until


@dataclass(frozen=True)
class Daemons:
    """Daemons that serve a site; several of one service under different names."""

    root: Path
    site: Path
    program: Path
    """The `foa` that serves."""
    targets: Path
    """File that tells Prometheus of them."""
    base_port: int

    def start(self, name: str, service: str, *command: str | Path) -> None:
        """Start a daemon, by default with its own command, and wait until it is ready."""
        self.root.mkdir(parents=True, exist_ok=True)
        port = self._port(name, service)
        self.pid_file(name).unlink(missing_ok=True)
        program = command or (self.program, "serve", service)
        options = ("--site", self.site, "--listen", f"127.0.0.1:{port}")
        start_noted(*program, *options, pid_file=self.pid_file(name), log=self.log(name))
        wait_until(lambda: self._settled(name, port), f"{name}; see {self.log(name)}")

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop a daemon."""
        stop(self.pid_file(name), number)

    def stop_all(self) -> None:
        """Stop whatever was started."""
        for name in self.status():
            if pid := pid_of(self.pid_file(name)):
                os.kill(pid, signal.SIGTERM)
        for name in self.status():
            self.stop(name)

    def status(self) -> dict[str, bool]:
        """Tell which daemons live."""
        return {path.stem: pid_of(path) is not None for path in sorted(self.root.glob("*.pid"))}

    def lives(self, name: str) -> bool:
        """Tell whether a daemon lives."""
        return pid_of(self.pid_file(name)) is not None

    def pid_file(self, name: str) -> Path:
        """Return the file in which a daemon's process is noted."""
        return self.root / f"{name}.pid"

    def log(self, name: str) -> Path:
        """Return the file a daemon logs to."""
        return self.root / f"{name}.log"

    def _settled(self, name: str, port: int) -> bool:
        """Tell whether it is ready, or dead already: a daemon may be made to crash early."""
        noted = self.pid_file(name)
        died = noted.exists() and bool(noted.read_text()) and not self.lives(name)
        return died or answers(f"http://127.0.0.1:{port}/ready")

    def _port(self, name: str, service: str) -> int:
        """Return a port of its own, the same at every start; Prometheus is told."""
        known = json.loads(self.targets.read_text()) if self.targets.exists() else []
        ports = {
            entry["labels"]["daemon"]: int(entry["targets"][0].rpartition(":")[2])
            for entry in known
        }
        if name not in ports:
            ports[name] = self.base_port + len(ports)
            address = f"127.0.0.1:{ports[name]}"
            entry = {"targets": [address], "labels": {"service": service, "daemon": name}}
            self.targets.parent.mkdir(parents=True, exist_ok=True)
            self.targets.write_text(json.dumps([*known, entry]))
        return ports[name]
