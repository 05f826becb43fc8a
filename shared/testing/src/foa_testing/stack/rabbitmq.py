"""RabbitMQ with TLS, an administrator, and a user per service with rights to its queue only."""

import json
import os
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from string import Template

import trustme

from foa.bus.rabbitmq import Broker, RabbitBroker
from foa.bus.rabbitmq.definitions import make_definitions
from foa.pipeline import consumers, publishers, unconsumed_kinds
from foa_testing.stack.processes import pid_of, run, start, stop, wait_until

PROGRAMS_DIRECTORY = Path("/usr/lib/rabbitmq/bin")
VHOST = "foa"
PATHS = {
    "RABBITMQ_CONFIG_FILE": "rabbitmq.conf",
    "RABBITMQ_MNESIA_BASE": "mnesia",
    "RABBITMQ_LOG_BASE": "log",
    "RABBITMQ_LOGS": "log/rabbit.log",
    "RABBITMQ_PID_FILE": "run/rabbit.pid",
    "HOME": "home",
    "RABBITMQ_ENABLED_PLUGINS_FILE": "enabled_plugins",
    "RABBITMQ_PLUGINS_EXPAND_DIR": "plugins",
    "RABBITMQ_GENERATED_CONFIG_DIR": "generated",
    "RABBITMQ_FEATURE_FLAGS_FILE": "feature_flags",
    "RABBITMQ_QUORUM_DIR": "quorum",
    "RABBITMQ_STREAM_DIR": "stream",
}
"""Settings of RabbitMQ that are paths below the root."""
ERLANG_OPTIONS = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +S 2:2"


@dataclass(frozen=True)
class RabbitMQ:
    """A RabbitMQ of our own below `root`, with ports from `base_port` on."""

    root: Path
    templates: Path
    base_port: int

    @property
    def port(self) -> int:
        """Return the port of AMQP over TLS."""
        return self.base_port + 71

    @property
    def metrics_port(self) -> int:
        """Return the port that Prometheus asks."""
        return self.base_port + 92

    @property
    def passwords(self) -> Path:
        """Return the directory with a file per user."""
        return self.root / "passwords"

    @property
    def broker(self) -> Broker:
        """Return the broker as a site file names it."""
        ca_file = self.root / "tls/ca.pem"
        return Broker(port=self.port, vhost=VHOST, passwords=self.passwords, ca_file=ca_file)

    @property
    def administration(self) -> RabbitBroker:
        """Return what declares queues, looks into them and connects."""
        return RabbitBroker(self.broker, consumers(), unconsumed_kinds())

    @property
    def pid_file(self) -> Path:
        """Return the file in which the server notes its process."""
        return self.root / "run/rabbit.pid"

    def start(self) -> None:
        """Start the broker and wait until it accepts connections."""
        if not (self.root / "definitions.json").exists():
            self._prepare()
        run("epmd", "-port", str(self.base_port + 69), "-address", "127.0.0.1", "-daemon")
        server = PROGRAMS_DIRECTORY / "rabbitmq-server"
        logs = self.root / "log"
        start(server, log=logs / "console.log", env=self._environment(), cwd=logs)
        wait_until(self._accepts, f"RabbitMQ; see {self.root}/log", 120)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the broker, and the port mapper it used."""
        stop(self.pid_file, number)
        if number is signal.SIGTERM:
            self._stop_port_mapper()

    def status(self) -> dict[str, bool]:
        """Tell whether it lives."""
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
        definitions = make_definitions(VHOST, publishers(), self.passwords)
        (self.root / "definitions.json").write_text(json.dumps(definitions, indent=1))

    def _environment(self) -> dict[str, str]:
        paths = {name: str(self.root / path) for name, path in PATHS.items()}
        return paths | {
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": f"foa{self.base_port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.base_port + 72),
            "ERL_EPMD_PORT": str(self.base_port + 69),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_OPTIONS,
        }


def missing_programs() -> list[str]:
    """Return the programs of RabbitMQ that this host lacks."""
    lacking = [] if (PROGRAMS_DIRECTORY / "rabbitmq-server").exists() else ["rabbitmq-server"]
    return [*lacking, *([] if shutil.which("epmd") else ["epmd"])]
