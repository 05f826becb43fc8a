"""Five daemons that meet only over RabbitMQ and the run tree, with jobs in SLURM: the same findings."""

import json
import os
import signal
import subprocess
import time

import pytest
import yaml
from foa.testing.stack.rabbitmq import RabbitMQ
from foa.testing.stack.slurm import Slurm

SERVICES = ("selector", "dl2-converter", "irf-builder", "dl3-maker", "analyzer")


@pytest.fixture(scope="module")
def slurm(repository, tmp_path_factory):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    server = Slurm(tmp_path_factory.mktemp("slurm"), repository / "deploy/slurm", base_port=49800, n_nodes=2, cpus=1)
    os.environ |= server.environment
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker(repository, tmp_path_factory):
    server = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"), repository / "deploy/rabbitmq", SERVICES, 45900)
    server.start()
    yield server
    server.stop()


class Crew:
    """Daemons on a site of their own."""

    def __init__(self, operator, slurm, broker):
        self.operator, self.processes = operator, {}
        site = yaml.safe_load(operator.site.read_text())
        site["execution"] = {"kind": "slurm", "account": "foa"}
        ca_file = str(broker.root / "tls/ca.pem")
        site["broker"] = {"port": broker.port, "passwords": str(broker.passwords), "ca_file": ca_file}
        operator.site.write_text(yaml.safe_dump(site))
        operator.type("bus", "apply")

    def start(self, name, service):
        command = self.operator.repository / "build/envs/operator/bin" / f"foa-{service}"
        with (self.operator.site.parent / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(command), "serve", "--site", str(self.operator.site)], stdout=log, stderr=log
            )

    def stop(self, name, number=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(timeout=60)

    def work(self):
        """Stage and key of every piece of work."""
        return {tuple(attempt.split("/")[1:3]) for attempt in self.operator.attempts()}

    def finish(self, request, limit=400):
        """Wait for the final results of a request."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            shown = json.loads(self.operator.type("show", request, "--json").stdout)
            if (shown["results"] or {}).get("phase") == "final":
                return shown["results"]
            time.sleep(1)
        raise AssertionError(f"{request} is not through within {limit} s")


@pytest.fixture
def crew(hire, slurm, broker, request):
    crew = Crew(hire(f"daemons-{abs(hash(request.node.name))}"), slurm, broker)
    for service in SERVICES:
        crew.start(service, service)
    yield crew
    for name in list(crew.processes):
        crew.stop(name)


def test_the_empty_field_through_daemons_with_two_replicas(crew, told, same):
    crew.start("dl2-converter-2", "dl2-converter")
    request = crew.operator.type("submit", crew.operator.request("too")).stdout.strip()
    results = crew.finish(request)
    same(results["findings"], told["too"]["content"]["findings"])
    assert not [attempt for attempt in crew.operator.attempts() if not attempt.endswith("attempt-1")]
    assert crew.stop("dl2-converter-2") == 0


def test_daemons_killed_at_work_are_started_again_and_nothing_is_lost_or_done_twice(crew, told, slurm, same):
    before = set(slurm.command("sacct", "-nXP", "--format=JobIDRaw").split())
    request = crew.operator.type("submit", crew.operator.request("too")).stdout.strip()
    for service in ("selector", "dl2-converter", "dl3-maker", "analyzer"):
        deadline = time.monotonic() + 200
        while not list(crew.operator.tree.glob(f"work/{service}/*/attempt-1/job.sh")) and time.monotonic() < deadline:
            time.sleep(0.02)
        crew.stop(service, signal.SIGKILL)
        crew.start(service, service)
    results = crew.finish(request)
    same(results["findings"], told["too"]["content"]["findings"])
    rows = [line.split("|") for line in slurm.command("sacct", "-nXP", "--format=JobIDRaw,JobName").split()]
    names = sorted(name for job_id, name in rows if job_id not in before)
    assert names == sorted(f"foa-{stage}-{key}-1" for stage, key in crew.work())
