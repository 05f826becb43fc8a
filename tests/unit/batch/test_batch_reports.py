"""Reports that the batch executor looks for: of thousands of jobs, some at each turn."""

import shutil

import pytest

from foa.executors.batch.executor import GRACE_S, REPORTS_PER_TURN
from foa.executors.scheduler import Deferred, Phase
from foa_stage.jobs import Died, JobState
from foa_stage.tree import Report, Work
from foa_testing.fakes.scripted_scheduler import intend, record_of

FAILED = Report(outcome="failed", exit_code=3, peak_memory_mib=50, wall_s=2)


@pytest.fixture
def many(jobs):
    """Return two turns' jobs and one more, which an earlier process meant to submit."""
    many = jobs(2 * REPORTS_PER_TURN + 1)
    intend(many)
    return many


def report(first, *others):
    """Let the stages of jobs report a failure."""
    Work("test", "key", first.directory.parent).write_report(FAILED)
    for job in others:
        shutil.copy(first.directory.parent / "report.json", job.directory.parent)


def died(job):
    return Died(job.name, JobState.FAILED, 3, 50, 2)


def test_the_reports_of_thousands_are_noticed_within_some_turns(executor, client, many):
    client.always = Deferred("not now")
    client.away = {"queued"}
    report(*many)
    for job in many:
        executor.submit(job)
    turns = [executor.endings() for _ in range(3)]
    assert [len(ended) for ended in turns] == [REPORTS_PER_TURN, REPORTS_PER_TURN, 1]
    assert [ending.name for ended in turns for ending in ended] == [job.name for job in many]


def test_the_report_of_a_job_that_the_scheduler_calls_ended_is_looked_for_at_once(
    executor, client, many
):
    last = many[-1]
    report(last)
    client.queue = [record_of(job) for job in many[:-1]] + [record_of(last, Phase.ENDING)]
    for job in many:
        executor.submit(job)
    assert executor.endings() == [died(last)]


def test_a_job_with_a_report_is_not_lost(executor, client, clock, many):
    client.queue = [record_of(job) for job in many]
    for job in many:
        executor.submit(job)
    executor.endings()
    last = many[-1]
    report(last)
    client.queue.pop()
    clock.advance(2 * GRACE_S)
    assert executor.endings() == [died(last)]
