"""Several replicas of a service on one tree: the same work is one job."""

import pytest

from foa_stage.jobs import Completed, Died, JobState
from foa_testing.fakes import factories


class Replicas:
    """Two replicas of a service on one tree, with one scheduler that knows every job by name."""

    def __init__(self, one, two):
        self.one, self.two = one, two
        self.two.executor = self.one.executor
        self.two.loop._life._executor = self.one.executor

    def end(self, ending):
        for bench in (self.one, self.two):
            bench.loop.ended(ending)
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
