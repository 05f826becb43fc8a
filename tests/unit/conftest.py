"""A service with its surroundings, for tests of its loop."""

from dataclasses import dataclass, replace

import pytest
from foa.bus import MemoryBus
from foa.jobs import Completed, Died, Resources
from foa.manifests import Archive
from foa.service import Service, ServiceLoop, attempt_of
from foa.site import Site
from foa.testing import factories
from foa.testing.executor import ScriptedExecutor
from foa.tree import Report, RunTree, product_of
from foa_dl2_converter.plan import conclude, plan

NAME = "dl2-converter"
SERVICE = Service(NAME, ("run.selected",), ("dl2.ready",), plan, conclude, stage="", priority=0)


def installed(software):
    @dataclass(frozen=True)
    class Installation:
        software: str

        def command(self, request, scratch, reads=()):
            return "foa-dl2-converter", "stage", str(request)

    return lambda production: Installation(f"{software} for {production}")


class Bench:
    """A service with its surroundings; `restart` loses everything but the tree."""

    def __init__(self, root):
        archive: Archive = factories.make_archive()
        resources = {NAME: Resources(memory_mib=1000, time_limit_s=60)}
        self.site = Site(name="bench", tree=root, environments=root, archive=archive, resources=resources)
        self.tree = RunTree(root)
        self.restart()

    def restart(self):
        self.executor = ScriptedExecutor()
        self.serve()

    def serve(self, software="1", **changes):
        """Have another loop in the same place."""
        self.bus, self.said = MemoryBus(), []
        service = replace(SERVICE, **changes)
        self.loop = ServiceLoop(service, self.site, self.bus, self.executor, installed(software))
        self.bus.subscribe(("dl2.ready", "run.failed"), self.said.append)

    def tell(self, manifest):
        self.bus.publish(manifest)
        self.deliver()

    def deliver(self):
        while self.bus.deliver():
            pass

    @property
    def job(self):
        return self.executor.submitted[-1]

    def end(self, ending):
        self.executor.end(ending)
        for one in self.executor.endings():
            self.loop.ended(one, attempt_of(self.tree, one.name))
        self.deliver()

    def complete(self):
        self.leave_report()
        self.end(Completed(self.job.name))

    def leave_report(self):
        """What the stage leaves behind; returns its product."""
        attempt = attempt_of(self.tree, self.job.name)
        path = attempt.work.products / "dl2.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("events")
        facts = {"effective_s": 1.0, "elapsed_s": 2.0}
        attempt.work.write_report(
            Report(outcome="done", exit_code=0, products=(product_of("dl2", path, 6),), facts=facts)
        )
        return path

    def die(self, state, exit_code=1):
        self.end(Died(self.job.name, state, exit_code))


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture
def make_bench(tmp_path):
    """Another replica on the same tree."""
    return lambda: Bench(tmp_path)
