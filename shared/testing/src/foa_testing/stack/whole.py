"""The development stack: every server the daemons need."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from foa.site import read_site
from foa_testing.stack import prometheus, rabbitmq, slurm
from foa_testing.stack.daemons import Daemons
from foa_testing.stack.prometheus import Prometheus
from foa_testing.stack.rabbitmq import RabbitMQ
from foa_testing.stack.slurm import Slurm


@dataclass(frozen=True)
class Stack:
    """RabbitMQ, SLURM, Prometheus and Alertmanager below `root`, with ports from `base_port` on."""

    root: Path
    repository: Path
    base_port: int = 26000
    """Below the range that Linux takes outgoing connections' ports from."""
    n_nodes: int = 2
    """Hosts of the cluster."""
    cpus: int = 1
    """Of each host."""
    guests: tuple[str, ...] = ()
    """Who may submit jobs besides whoever starts it."""

    @property
    def slurm(self) -> Slurm:
        """Return its scheduler."""
        templates = self.repository / "deploy/slurm"
        shape = {"n_nodes": self.n_nodes, "cpus": self.cpus}
        return Slurm(self.root / "slurm", templates, self.base_port, **shape, guests=self.guests)

    @property
    def rabbitmq(self) -> RabbitMQ:
        """Return its broker."""
        templates = self.repository / "deploy/rabbitmq"
        return RabbitMQ(self.root / "rabbitmq", templates, self.base_port + 200)

    @property
    def prometheus(self) -> Prometheus:
        """Return its monitoring."""
        templates = self.repository / "deploy/prometheus"
        ports = (self.rabbitmq.metrics_port, self.base_port + 300)
        return Prometheus(self.root / "prometheus", templates, *ports)

    @property
    def servers(self) -> tuple[Slurm, RabbitMQ, Prometheus]:
        """Return all of them."""
        return self.slurm, self.rabbitmq, self.prometheus

    def start(self) -> None:
        """Start all servers at once and declare the topology."""
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(server.start) for server in self.servers]:
                started.result()
        self.rabbitmq.administration.declare()

    def stop(self) -> None:
        """Stop all servers."""
        with ThreadPoolExecutor() as pool:
            for stopped in [pool.submit(server.stop) for server in self.servers]:
                stopped.result()

    def status(self) -> dict[str, bool]:
        """Tell which servers live."""
        return {name: lives for server in self.servers for name, lives in server.status().items()}

    def write_site(self, like: Path, home: Path, **changes: Any) -> Path:
        """Write the file of a site like another one, on these servers, with a run tree in `home`.

        Returns its path.
        """
        site = read_site(like).model_dump(mode="json", exclude_none=True)
        broker = self.rabbitmq.broker.model_dump(mode="json")
        execution = {"kind": "slurm", "account": "foa"}
        site |= {"tree": str(home / "tree"), "execution": execution, "broker": broker}
        home.mkdir(parents=True, exist_ok=True)
        (home / "site.yaml").write_text(yaml.safe_dump(site | changes))
        return home / "site.yaml"

    def daemons(self, site: Path) -> Daemons:
        """Return the services at a site on these servers."""
        program = self.repository / "build/envs/operator/bin/foa"
        directory, targets = site.parent / "daemons", self.prometheus.targets
        return Daemons(directory, site, program, targets, self.base_port + 500)


def missing_programs() -> list[str]:
    """Return the programs of the stack that this host lacks."""
    servers = (slurm, rabbitmq, prometheus)
    return [program for server in servers for program in server.missing_programs()]
