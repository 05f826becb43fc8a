"""Everything around the daemons: servers, network, disk and people; and how it recovers."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from foa_testing.chaos.crew import Crew
from foa_testing.chaos.disk import Disk
from foa_testing.chaos.people import People
from foa_testing.chaos.proxy import Proxy
from foa_testing.chaos.schedule import BAD_RUN
from foa_testing.fakes import stub_site
from foa_testing.stack.processes import StackError, start_surely
from foa_testing.stack.whole import Stack

BASE_PORT = 23000
DURATION_S = 1.0
"""Of a stage, about."""
NODES_S = 10.0
"""Between two looks whether a node of SLURM needs to be resumed."""
SBATCH = """\
#!/bin/bash
# sbatch, killed with SIGKILL if a file says so: before, while or after it submits its job
if mv {faults} {faults}.$$ 2>/dev/null; then
    mode=$(<{faults}.$$)
    [[ $mode == before ]] && kill -KILL $$
    {sbatch} "$@" > /dev/null &
    [[ $mode == during ]] && {{ sleep 0.00$((RANDOM % 10)); kill -KILL $! $$; }}
    wait
    kill -KILL $$
fi
exec {sbatch} "$@"
"""


class World:
    """Servers and daemons below a directory, with whatever can be done to them.

    Attributes
    ----------
    disturbed
        What a fault is at, or recovers.
    killed
        Keys of work whose job was killed: a second time would be failure for good.
    """

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.stack = Stack(root / "stack", Path.cwd(), base_port=BASE_PORT, n_nodes=3, cpus=8)
        self.disk = Disk(self.home / "tree")
        ports = {
            "broker": self.stack.rabbitmq.port,
            "slurmctld": BASE_PORT + 17,
            "slurmdbd": BASE_PORT + 9,
        }
        self.networks = {
            name: Proxy(BASE_PORT + 600 + number, behind)
            for number, (name, behind) in enumerate(ports.items())
        }
        self.disturbed: set[str] = set()
        self.killed: set[str] = set()
        self.failures: list[BaseException] = []
        self._recovering: set[threading.Thread] = set()
        self._nodes_seen = time.monotonic()

    @property
    def trace(self) -> Path:
        """Return the file in which the stages note their executions."""
        return self.home / "trace"

    @property
    def sbatch_switch(self) -> Path:
        """Return the file that has the next sbatch killed."""
        return self.home / "faults/sbatch"

    def trace_lines(self) -> list[str]:
        """Return what the stages noted."""
        return self.trace.read_text().splitlines()

    @contextmanager
    def running(self, keep: Path | None) -> Iterator[None]:
        """Start everything, and stop it in the end; what was written may be kept."""
        try:
            self._start()
            yield
        finally:
            if keep is not None:
                shutil.copytree(self.home, keep, symlinks=True, dirs_exist_ok=True)
                shutil.copytree(self.stack.slurm.root / "log", keep / "slurm", dirs_exist_ok=True)
            self._stop()

    def _start(self) -> None:
        self.stack.slurm.start()
        self.stack.rabbitmq.start()
        self.stack.rabbitmq.administration.declare()
        self.disk.mount()
        for proxy in self.networks.values():
            proxy.start()
        site = self._make_site()
        self._redirect_commands()
        self.crew = Crew(self.home, site, self.home / "tree", BASE_PORT + 500)
        (self.home / "daemons").mkdir()
        for name in self.crew.services:
            self.crew.start(name)
        self.people = People(site)
        self.people.start()

    def _make_site(self) -> Path:
        self.home.mkdir(parents=True, exist_ok=True)
        self.trace.touch()
        fates = {BAD_RUN: "bad"}
        settings = {"trace": self.trace, "duration_s": DURATION_S}
        local = stub_site.make_local_site(self.home, fates, **settings)
        broker = self.stack.rabbitmq.broker.model_dump(mode="json")
        broker["port"] = self.networks["broker"].port
        return self.stack.write_site(local, self.home, broker=broker)

    def _redirect_commands(self) -> None:
        """Let daemons find SLURM through the proxies, and an sbatch that can be killed."""
        direct = Path(self.stack.slurm.environment["SLURM_CONF"])
        text = direct.read_text()
        for name, word in (("slurmctld", "SlurmctldPort"), ("slurmdbd", "AccountingStoragePort")):
            network = self.networks[name]
            text = text.replace(f"{word}={network.behind}", f"{word}={network.port}")
        clients = self.home / "clients"
        clients.mkdir()
        (clients / "slurm.conf").write_text(text)
        self.sbatch_switch.parent.mkdir()
        program = clients / "sbatch"
        program.write_text(SBATCH.format(faults=self.sbatch_switch, sbatch="/usr/bin/sbatch"))
        program.chmod(0o755)
        os.environ["PATH"] = f"{clients}:{os.environ['PATH']}"
        os.environ["SLURM_CONF"] = str(clients / "slurm.conf")

    def _stop(self) -> None:
        if hasattr(self, "crew"):
            self.crew.stop_all()
        for thread in list(self._recovering):
            thread.join(60)
        self.stack.slurm.stop()
        self.stack.rabbitmq.stop()
        self.disk.unmount()

    def tend(self) -> None:
        """Do what operators and systemd do: start dead daemons, resume nodes.

        Raises
        ------
        BaseException
            If something could not recover.
        """
        if self.failures:
            raise self.failures[0]
        self.crew.tend()
        if time.monotonic() - self._nodes_seen > NODES_S:
            self._nodes_seen = time.monotonic()
            self._resume_nodes()

    def disturb(
        self, subject: str, seconds: float, begin: Callable[[], object], end: Callable[[], object]
    ) -> bool:
        """Do something to a subject, and undo it some seconds later; not if one is at it."""
        if subject in self.disturbed:
            return False
        self.disturbed.add(subject)
        begin()
        thread = threading.Thread(target=self._recover, args=(subject, seconds, end))
        self._recovering.add(thread)
        thread.start()
        return True

    def _recover(self, subject: str, seconds: float, end: Callable[[], object]) -> None:
        time.sleep(seconds)
        try:
            start_surely(end)
        except BaseException as error:
            self.failures.append(error)
        self.disturbed.discard(subject)
        self._recovering.discard(threading.current_thread())

    def _resume_nodes(self) -> None:
        """Have nodes used again that SLURM has set aside, as for two jobs with one id."""
        if self.disturbed & {"slurmctld", "nodes"}:
            return
        slurm = self.stack.slurm
        with suppress(StackError):
            aside = slurm.command("sinfo", "-hN", "-t", "down,drain,fail", "-o", "%N").split()
            for node in set(aside):
                slurm.command("scontrol", "update", f"nodename={node}", "state=resume", check=False)
