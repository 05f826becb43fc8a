"""The development stack: every server the daemons need, on loopback, all state below one directory."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import yaml

from foa.bus.administration import declare
from foa.bus.definitions import ADMINISTRATOR
from foa.bus.rabbitmq import parameters_of
from foa.bus.topology import topology
from foa.service.embedded import installed_services
from foa.site import read_site
from foa.testing.stack import prometheus, rabbitmq, slurm
from foa.testing.stack.daemons import Daemons
from foa.testing.stack.prometheus import Prometheus
from foa.testing.stack.rabbitmq import RabbitMQ
from foa.testing.stack.slurm import Slurm


@dataclass(frozen=True)
class Stack:
    """RabbitMQ, SLURM, Prometheus and Alertmanager below `root`, with ports from `base_port` on."""

    root: Path
    repository: Path
    base_port: int = 26000
    """Below the range that Linux takes outgoing connections' ports from."""
    n_nodes: int = 2
    cpus: int = 1
    """Of each node."""
    guests: tuple[str, ...] = ()
    """Who may submit jobs besides whoever starts it."""

    @property
    def slurm(self) -> Slurm:
        """Its scheduler."""
        templates = self.repository / "deploy/slurm"
        return Slurm(
            self.root / "slurm", templates, self.base_port, self.n_nodes, self.cpus, guests=self.guests
        )  # fmt: skip

    @property
    def broker(self) -> RabbitMQ:
        """Its broker."""
        services = tuple(service.name for service in installed_services())
        return RabbitMQ(self.root / "rabbitmq", self.repository / "deploy/rabbitmq", services, self.base_port + 200)

    @property
    def prometheus(self) -> Prometheus:
        """Its monitoring."""
        templates = self.repository / "deploy/prometheus"
        return Prometheus(self.root / "prometheus", templates, self.broker.metrics_port, self.base_port + 300)

    def start(self) -> None:
        """Start all servers and declare the topology."""
        with ThreadPoolExecutor() as pool:
            for started in [pool.submit(server.start) for server in (self.slurm, self.broker, self.prometheus)]:
                started.result()
        declare(self.broker.address_of(ADMINISTRATOR), self._topology())

    def empty_queues(self) -> None:
        """Throw away every message."""
        with pika.BlockingConnection(parameters_of(self.broker.address_of(ADMINISTRATOR))) as connection:
            for queue in self._topology()["queues"]:
                connection.channel().queue_purge(queue["name"])

    def _topology(self) -> dict[str, Any]:
        return topology({service.name: service.consumes for service in installed_services()})

    def stop(self) -> None:
        """Stop all servers."""
        with ThreadPoolExecutor() as pool:
            for stopped in [pool.submit(server.stop) for server in (self.slurm, self.broker, self.prometheus)]:
                stopped.result()

    def status(self) -> dict[str, bool]:
        """Which servers live."""
        return {**self.slurm.status(), **self.broker.status(), **self.prometheus.status()}

    def write_site(self, like: Path, home: Path, **changes: Any) -> Path:
        """A site like another one, with a run tree in `home`, on these servers; its path."""
        site = read_site(like).model_dump(mode="json", exclude_none=True)
        broker = {
            "port": self.broker.port, "passwords": str(self.broker.passwords),
            "ca_file": str(self.broker.root / "tls/ca.pem"),
        }  # fmt: skip
        site |= {"tree": str(home / "tree"), "execution": {"kind": "slurm", "account": "foa"}, "broker": broker}
        home.mkdir(parents=True, exist_ok=True)
        (home / "site.yaml").write_text(yaml.safe_dump(site | changes))
        return home / "site.yaml"

    def daemons(self, site: Path) -> Daemons:
        """The services at a site on these servers."""
        programs = self.repository / "build/envs/operator/bin"
        return Daemons(site.parent / "daemons", site, programs, self.prometheus.targets, self.base_port + 500)


def missing_programs() -> list[str]:
    """Programs of the stack's that this host lacks."""
    return [program for server in (slurm, rabbitmq, prometheus) for program in server.missing_programs()]
