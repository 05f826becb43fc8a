"""A service with its surroundings, for tests of its loop."""

from dataclasses import dataclass, replace

import pytest

from foa.bus import MemoryBroker
from foa.pipeline import JobService
from foa.service import ServiceLoop
from foa.site import Site
from foa_dl2_converter.plan import announce, plan
from foa_stage.jobs import Completed, Died, Resources
from foa_stage.manifests import Archive, Dl2Ready, RunFailed, RunSelected
from foa_stage.tree import Report, RunTree, product_of
from foa_testing.fakes import factories
from foa_testing.fakes.scripted_executor import ScriptedExecutor

NAME = "dl2-converter"
SERVICE = JobService(
    name=NAME,
    title="",
    consumes=(RunSelected,),
    announces=(Dl2Ready,),
    fails_with=RunFailed,
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=1, time_limit_s=1),
    priority=0,
)
CONSUMERS = {NAME: SERVICE.heard_kinds, "listener": ("dl2.ready", "run.failed")}


def installed(software):
    @dataclass(frozen=True)
    class Runtime:
        software: str

        def command(self, request, scratch, reads=()):
            return "foa-stage", "foa_dl2_converter.stage", str(request)

    return lambda production: Runtime(f"{software} for {production}")


class Bench:
    """A service with its surroundings; `restart` loses everything but the tree."""

    report_patience_s = 0

    def __init__(self, root):
        archive: Archive = factories.make_archive()
        resources = {NAME: Resources(memory_mib=1000, time_limit_s=60)}
        self.site = Site(
            name="bench", tree=root, environments=root, archive=archive, resources=resources
        )
        self.tree = RunTree(root)
        self.restart()

    def restart(self):
        self.executor = ScriptedExecutor()
        self.serve()

    def serve(self, software="1", **changes):
        """Have another loop in the same place."""
        self.broker, self.said = MemoryBroker(CONSUMERS, retry_delays_s=()), []
        self.bus, self.listener = self.broker.connect(NAME), self.broker.connect("listener")
        self.listener.subscribe(self.said.append)
        service = replace(SERVICE, **changes)
        self.loop = ServiceLoop(
            *(service, self.site, self.bus, self.executor, installed(software)),
            report_patience_s=self.report_patience_s,
        )

    def resume(self, **options):
        """Take up all that is pending."""
        self.loop.resume(**options)
        for _ in range(20):  # a turn takes up what it has time for
            self.loop.turn(())

    def tell(self, manifest):
        self.bus.publish(manifest)
        self.deliver()

    def deliver(self):
        while self.bus.deliver() or self.loop.turn(()) or self.listener.deliver():
            pass
        assert self.broker.parked == []

    @property
    def job(self):
        return self.executor.submitted[-1]

    def end(self, ending):
        self.executor.end(ending)
        self.loop.turn(self.executor.endings())
        self.deliver()

    def complete(self):
        self.leave_report()
        self.end(Completed(self.job.name))

    def leave_report(self):
        """Leave what the stage leaves; returns its product."""
        attempt = self.tree.attempt(self.job.name)
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


@pytest.fixture(scope="session", autouse=True)
def environment(plain_environment):
    """Run every test as if a user without settings had typed it."""


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture
def make_bench(tmp_path):
    """Return another replica on the same tree."""
    return lambda: Bench(tmp_path)
