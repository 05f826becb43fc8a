"""Several replicas of a service on one tree: the same work is one job."""

import os

import pytest

from foa_stage.jobs import Completed, Died, JobState
from foa_testing.fakes import factories


class Replicas:
    """Two replicas of a service on one tree, with one scheduler that knows every job by name."""

    def __init__(self, one, two):
        self.one, self.two = one, two
        self.two.executor = self.one.executor
        self.two.loop._under_way._life._executor = self.one.executor

    def end(self, ending):
        for bench in (self.one, self.two):
            bench.loop.turn([ending])
            bench.deliver()


@pytest.fixture
def replicas(make_bench):
    return Replicas(make_bench(), make_bench())


def test_replicas_told_the_same_submit_one_job_and_both_answer(replicas):
    for bench in (replicas.one, replicas.two):
        bench.tell(factories.run_selected())
    assert len(replicas.one.executor.submitted) == 1
    replicas.one.leave_report()
    replicas.end(Completed(replicas.one.job.name))
    assert [manifest.kind for manifest in replicas.one.said + replicas.two.said] == [
        "dl2.ready",
        "dl2.ready",
    ]


def test_a_death_both_replicas_notice_leads_to_one_more_attempt(replicas):
    for bench in (replicas.one, replicas.two):
        bench.tell(factories.run_selected())
    replicas.end(Died(replicas.one.job.name, JobState.OUT_OF_MEMORY))
    first, second = replicas.one.executor.submitted
    assert (first.name[-1], second.name[-1]) == ("1", "2")
    assert second.resources.memory_mib == int(1.5 * first.resources.memory_mib)


def test_the_work_of_a_replica_that_died_is_taken_up_by_another(replicas):
    replicas.one.tell(factories.run_selected())
    replicas.two.resume(older_than_s=600)
    assert replicas.two.loop.under_way() == []
    grow_old(replicas.one.tree, 700)
    replicas.two.resume(older_than_s=600)
    assert len(replicas.one.executor.submitted) == 1
    replicas.one.leave_report()
    replicas.two.loop.turn([Completed(replicas.one.job.name)])
    replicas.two.deliver()
    assert [manifest.kind for manifest in replicas.two.said] == ["dl2.ready"]
    assert len(replicas.two.tree.pending("dl2-converter")) == 0


def test_what_could_not_be_taken_up_is_tried_again_at_the_next_sweep(bench, monkeypatch):
    bench.tree.pending("dl2-converter").put(factories.run_selected())

    def full(job):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(bench.executor, "submit", full)
        bench.resume()
    assert bench.executor.submitted == []
    bench.resume()
    assert len(bench.executor.submitted) == 1
    bench.resume()
    assert len(bench.executor.submitted) == 1


def grow_old(tree, seconds):
    for path in tree.root.glob("pending/*/*.json"):
        told = path.stat().st_mtime - seconds
        os.utime(path, (told, told))
