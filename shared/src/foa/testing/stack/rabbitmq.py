"""RabbitMQ with TLS, a user per service with rights to its own queues only, and an administrator."""

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template

import trustme

from foa.bus.address import BrokerAddress
from foa.bus.definitions import make_definitions
from foa.testing.stack.processes import pid_of, run, start, stop, wait_until

PROGRAMS_DIRECTORY = Path("/usr/lib/rabbitmq/bin")
VHOST = "foa"


@dataclass(frozen=True)
class RabbitMQ:
    """A RabbitMQ of our own below `root`, with ports from `base_port` on."""

    root: Path
    templates: Path
    services: tuple[str, ...]
    base_port: int

    @property
    def port(self) -> int:
        """Of AMQP over TLS."""
        return self.base_port + 71

    @property
    def metrics_port(self) -> int:
        """Of what Prometheus asks."""
        return self.base_port + 92

    @property
    def passwords(self) -> Path:
        """Directory with a file per user."""
        return self.root / "passwords"

    def address_of(self, user: str) -> BrokerAddress:
        """How a user reaches it."""
        return BrokerAddress(
            host="127.0.0.1", port=self.port, vhost=VHOST, user=user, password_file=self.passwords / user,
            ca_file=self.root / "tls/ca.pem",
        )  # fmt: skip

    @property
    def pid_file(self) -> Path:
        """Where the server notes its process."""
        return self.root / "run/rabbit.pid"

    def start(self) -> None:
        """Start the broker and wait until it accepts connections."""
        if not (self.root / "definitions.json").exists():
            self._prepare()
        run("epmd", "-port", str(self.base_port + 69), "-address", "127.0.0.1", "-daemon")
        server = PROGRAMS_DIRECTORY / "rabbitmq-server"
        start(server, log=self.root / "log/console.log", env=self._environment(), cwd=self.root / "log")
        wait_until(self._accepts, f"RabbitMQ; see {self.root}/log", 120)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the broker, and the port mapper it used."""
        stop(self.pid_file, number)
        if number is signal.SIGTERM:
            self._stop_port_mapper()

    def status(self) -> dict[str, bool]:
        """Whether it lives."""
        return {"rabbitmq": pid_of(self.pid_file) is not None}

    def _stop_port_mapper(self) -> None:
        mark = f"-port {self.base_port + 69}"
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = process.read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if "epmd" in words and mark in words:
                os.kill(int(process.parent.name), signal.SIGTERM)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _prepare(self) -> None:
        for name in ("tls", "log", "run", "home"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "home").chmod(0o700)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.root / "tls/ca.pem")
        certificate.cert_chain_pems[0].write_to_path(self.root / "tls/server.pem")
        certificate.private_key_pem.write_to_path(self.root / "tls/server.key")
        values = {"root": self.root, "port": self.port, "metrics_port": self.metrics_port}
        configuration = Template((self.templates / "rabbitmq.conf").read_text()).substitute(values)
        (self.root / "rabbitmq.conf").write_text(configuration)
        (self.root / "enabled_plugins").write_text("[rabbitmq_prometheus].\n")
        definitions = make_definitions(VHOST, self.services, self.passwords)
        (self.root / "definitions.json").write_text(json.dumps(definitions, indent=1))

    def _environment(self) -> dict[str, str]:
        paths = {
            "RABBITMQ_CONFIG_FILE": "rabbitmq.conf", "RABBITMQ_MNESIA_BASE": "mnesia", "RABBITMQ_LOG_BASE": "log",
            "RABBITMQ_LOGS": "log/rabbit.log", "RABBITMQ_PID_FILE": "run/rabbit.pid", "HOME": "home",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "enabled_plugins", "RABBITMQ_PLUGINS_EXPAND_DIR": "plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": "generated", "RABBITMQ_FEATURE_FLAGS_FILE": "feature_flags",
            "RABBITMQ_QUORUM_DIR": "quorum", "RABBITMQ_STREAM_DIR": "stream",
        }  # fmt: skip
        return {name: str(self.root / path) for name, path in paths.items()} | {
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": f"foa{self.base_port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.base_port + 72),
            "ERL_EPMD_PORT": str(self.base_port + 69),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +S 2:2",
        }


def missing_programs() -> Iterable[str]:
    """Programs of RabbitMQ's that this host lacks."""
    lacking = [] if (PROGRAMS_DIRECTORY / "rabbitmq-server").exists() else ["rabbitmq-server"]
    return [*lacking, *([] if shutil.which("epmd") else ["epmd"])]
