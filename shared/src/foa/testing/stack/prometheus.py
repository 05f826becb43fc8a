"""Prometheus and Alertmanager with the rules of `deploy/prometheus`."""

import json
import os
import shutil
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from foa.testing.stack.processes import answers, pid_of, start_noted, stop, wait_until

PROGRAMS = ("prometheus", "prometheus-alertmanager", "promtool", "amtool")


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus and an Alertmanager of our own below `root`, with ports from `base_port` on."""

    root: Path
    templates: Path
    rabbitmq_port: int
    """Where RabbitMQ tells its metrics."""
    base_port: int

    @property
    def url(self) -> str:
        """Of Prometheus."""
        return f"http://127.0.0.1:{self.base_port + 90}"

    @property
    def alertmanager(self) -> str:
        """Address of the Alertmanager."""
        return f"127.0.0.1:{self.base_port + 93}"

    @property
    def targets(self) -> Path:
        """File that names the daemons to scrape."""
        return self.root / "targets/daemons.json"

    def start(self) -> None:
        """Start both and wait until they are ready."""
        self._write_configuration()
        start_noted(
            "prometheus", f"--config.file={self.root}/prometheus.yml", f"--storage.tsdb.path={self.root}/data",
            f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn",
            pid_file=self._pid_file("prometheus"), log=self.root / "prometheus.log",
        )  # fmt: skip
        start_noted(
            "prometheus-alertmanager", f"--config.file={self.root}/alertmanager.yml",
            f"--storage.path={self.root}/alerts", f"--web.listen-address={self.alertmanager}",
            "--cluster.listen-address=", pid_file=self._pid_file("alertmanager"), log=self.root / "alertmanager.log",
        )  # fmt: skip
        for url in (self.url, f"http://{self.alertmanager}"):
            wait_until(lambda url=url: answers(f"{url}/-/ready"), url)  # type: ignore[misc]

    def stop(self) -> None:
        """Stop both."""
        for name in ("prometheus", "alertmanager"):
            stop(self._pid_file(name))

    def status(self) -> dict[str, bool]:
        """Which of the two live."""
        return {name: pid_of(self._pid_file(name)) is not None for name in ("prometheus", "alertmanager")}

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Samples an expression gives now.

        Raises
        ------
        urllib.error.HTTPError
            If Prometheus does not understand it.
        """
        words = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{words}") as answer:
            return list(json.load(answer)["data"]["result"])

    def _pid_file(self, name: str) -> Path:
        return self.root / f"{name}.pid"

    def _write_configuration(self) -> None:
        self.targets.parent.mkdir(parents=True, exist_ok=True)
        values = {
            "interval": "2s",
            "alertmanager": self.alertmanager,
            "rabbitmq": f"127.0.0.1:{self.rabbitmq_port}",
        }
        for name in ("prometheus.yml", "rules.yml", "alertmanager.yml"):
            text = (self.templates / name).read_text()
            # alerts speak with $labels and $value: only the configuration is a template
            filled = Template(text).substitute(values) if name == "prometheus.yml" else text
            (self.root / name).write_text(filled)


def missing_programs() -> list[str]:
    """Programs of Prometheus's that this host lacks."""
    return [program for program in PROGRAMS if shutil.which(program, path=os.environ.get("PATH")) is None]
