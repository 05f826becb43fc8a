"""The service loop: nothing is lost, nothing is done twice, every ending is concluded."""

import pytest
from foa.bus import MemoryBus
from foa.jobs import Completed, Died, JobSpec, JobState, Resources, Wait
from foa.manifests import Archive, Product, RunFailed, digest
from foa.service import Service, ServiceLoop, attempt_of
from foa.site import Site
from foa.testing import factories
from foa.testing.executor import ScriptedExecutor
from foa.tree import Report, RunTree, product_of
from foa_dl2_converter.plan import conclude, plan

NAME = "dl2-converter"
SERVICE = Service(NAME, ("run.selected",), plan, conclude, stage="", priority=0)


class Bench:
    """A service with its surroundings; `restart` loses everything but the tree."""

    def __init__(self, root):
        archive: Archive = factories.make_archive()
        resources = {NAME: Resources(memory_mib=1000, time_limit_s=60)}
        self.site = Site(name="bench", tree=root, environments=root, archive=archive, resources=resources)
        self.tree = RunTree(root)
        self.restart()

    def restart(self):
        self.bus, self.executor = MemoryBus(), ScriptedExecutor()
        self.loop = ServiceLoop(SERVICE, self.site, self.bus, self.executor, software="1")
        self.said = []
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


def test_a_manifest_becomes_a_job_and_its_end_a_manifest(bench):
    bench.tell(factories.run_selected())
    assert bench.job.command[1:] == ("stage", str(attempt_of(bench.tree, bench.job.name).work.request))
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_redelivered_manifest_submits_nothing(bench):
    for _ in range(3):
        bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_work_that_is_done_is_announced_without_a_job(bench):
    bench.tell(factories.run_selected())
    bench.complete()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_after_a_restart_the_same_attempt_is_taken_up(bench):
    bench.tell(factories.run_selected())
    name = bench.job.name
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name == name


def test_a_deleted_product_is_made_again_in_a_new_attempt(bench):
    bench.tell(factories.run_selected())
    bench.complete()
    next(bench.tree.root.glob("work/*/*/products/dl2.h5")).unlink()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name.endswith("-2")


def test_a_product_deleted_after_an_ending_nobody_concluded_is_made_again(bench):
    bench.tell(factories.run_selected())
    bench.leave_report().unlink()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name.endswith("-2")
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_what_was_told_before_a_restart_is_answered_after_it(bench):
    bench.tell(factories.run_selected())
    bench.restart()
    bench.loop.resume()
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]
    bench.restart()
    bench.loop.resume()
    bench.deliver()
    assert bench.said == []


def test_what_the_bus_does_not_take_is_sent_later(bench):
    class Away:
        def subscribe(self, kinds, handler):
            pass

        def publish(self, manifest):
            raise ConnectionError("broker away")

    bench.tell(factories.run_selected())
    bench.loop._bus = Away()
    bench.complete()
    assert bench.said == []
    bench.loop._bus = bench.bus
    bench.loop.send()
    bench.deliver()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_corrupt_product_is_a_failure_that_says_so(bench):
    bench.tell(factories.run_selected())
    attempt = attempt_of(bench.tree, bench.job.name)
    attempt.work.write_report(
        Report(outcome="done", exit_code=0, products=(Product(role="dl2", path="/none", size=1, sha256="0"),))
    )
    bench.end(Completed(bench.job.name))
    (failed,) = bench.said
    assert "missing or corrupt" in failed.reason


def test_a_job_that_ends_well_without_a_report_has_failed(bench):
    bench.tell(factories.run_selected())
    bench.end(Completed(bench.job.name))
    assert isinstance(bench.said[0], RunFailed)


def test_a_job_killed_for_memory_is_tried_again_with_more(bench):
    bench.tell(factories.run_selected())
    bench.die(JobState.OUT_OF_MEMORY)
    assert bench.said == []
    assert bench.job.resources.memory_mib == 1500
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_attempts_are_counted_over_restarts(bench):
    bench.tell(factories.run_selected())
    bench.die(JobState.FAILED)
    bench.restart()
    bench.tell(factories.run_selected())
    bench.die(JobState.FAILED)
    assert isinstance(bench.said[0], RunFailed)
    assert "after 2 attempts" in bench.said[0].reason


def test_a_failure_is_final_until_somebody_retries(bench):
    bench.tell(factories.run_selected())
    work = attempt_of(bench.tree, bench.job.name).work
    work.write_report(Report(outcome="failed", exit_code=3, reason="truncated"))
    bench.die(JobState.FAILED, exit_code=3)
    assert bench.said[0].reason == "truncated"
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    work.forget()
    bench.restart()
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_other_software_is_other_work(bench):
    bench.tell(factories.run_selected())
    bench.complete()
    bench.bus = MemoryBus()
    ServiceLoop(SERVICE, bench.site, bench.bus, bench.executor, software="2")
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 2


def test_requests_that_ask_for_the_same_work_are_all_answered(bench):
    manifests = [factories.run_selected(obs_ids=ids) for ids in ((1,), (1, 2))]
    for manifest in manifests:
        bench.tell(manifest)
    bench.complete()
    assert [manifest.obs_ids for manifest in bench.said] == [(1,), (1, 2)]
    assert len(bench.executor.submitted) == 1


def test_what_waits_submits_nothing(bench):
    service = Service(NAME, ("run.selected",), lambda m, t: Wait("patience"), conclude, stage="", priority=0)
    bench.bus = MemoryBus()
    ServiceLoop(service, bench.site, bench.bus, bench.executor, software="1")
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []


def test_the_key_names_the_content_of_the_request():
    spec = plan(factories.run_selected(), RunTree("/nowhere"))
    assert isinstance(spec, JobSpec)
    assert digest(spec.request) == digest(plan(factories.run_selected(), RunTree("/elsewhere")).request)
