"""Prometheus and Alertmanager with the rules of `deploy/prometheus`."""

import json
import os
import shutil
import urllib.parse
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from foa_testing.stack.processes import answers, pid_of, start_noted, stop, wait_until

PROGRAMS = ("prometheus", "prometheus-alertmanager", "promtool", "amtool")


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus and an Alertmanager of our own below `root`, with ports from `base_port` on."""

    root: Path
    templates: Path
    rabbitmq_port: int
    """Port of RabbitMQ's metrics."""
    base_port: int

    @property
    def url(self) -> str:
        """Return the address of Prometheus."""
        return f"http://127.0.0.1:{self.base_port + 90}"

    @property
    def alertmanager(self) -> str:
        """Return the address of the Alertmanager."""
        return f"127.0.0.1:{self.base_port + 93}"

    @property
    def targets(self) -> Path:
        """Return the file that names the daemons to scrape."""
        return self.root / "targets/daemons.json"

    def start(self) -> None:
        """Start both and wait until they are ready."""
        self._write_configuration()
        self._start(
            *("prometheus", "prometheus", f"--config.file={self.root}/prometheus.yml"),
            *(f"--storage.tsdb.path={self.root}/data", "--log.level=warn"),
            f"--web.listen-address={self.url.removeprefix('http://')}",
        )
        self._start(
            *("alertmanager", "prometheus-alertmanager"),
            *(f"--config.file={self.root}/alertmanager.yml", f"--storage.path={self.root}/alerts"),
            *(f"--web.listen-address={self.alertmanager}", "--cluster.listen-address="),
        )
        for url in (self.url, f"http://{self.alertmanager}"):
            wait_until(partial(answers, f"{url}/-/ready"), url)

    def _start(self, name: str, *command: str) -> None:
        log = self.root / f"{name}.log"
        start_noted(*command, pid_file=self._pid_file(name), log=log)

    def stop(self) -> None:
        """Stop both."""
        for name in ("prometheus", "alertmanager"):
            stop(self._pid_file(name))

    def status(self) -> dict[str, bool]:
        """Tell which of the two live."""
        names = ("prometheus", "alertmanager")
        return {name: pid_of(self._pid_file(name)) is not None for name in names}

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples an expression gives now.

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
            # $labels and $value of alerts are Prometheus's: only the configuration is a template
            is_template = name == "prometheus.yml"
            filled = Template(text).substitute(values) if is_template else text
            (self.root / name).write_text(filled)


def missing_programs() -> list[str]:
    """Return the programs of Prometheus that this host lacks."""
    path = os.environ.get("PATH")
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]
