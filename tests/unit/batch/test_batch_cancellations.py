"""Cancellations of the batch executor: a job is ended by the scheduler, asked till it has ended."""

from itertools import pairwise

from foa.executors.batch import BatchExecutor
from foa.executors.batch.pace import LAST_INTERVAL_S
from foa.executors.patience import FIRST_PAUSE_S
from foa.executors.scheduler import Phase
from foa_stage.jobs import Completed, JobState
from foa_stage.tree import Report, Work
from foa_testing.fakes.scripted_scheduler import intend, record_of


def report(job):
    work = Work("test", "key", job.directory.parent)
    work.write_report(Report(outcome="done", exit_code=0, wall_s=3))


def be_cancelled(client, job):
    """Let the scheduler say that a job had begun, and was cancelled."""
    (job.directory / "claim").symlink_to("1/host/17")
    client.queue, client.accounting = [], [record_of(job, Phase.ENDED, state=JobState.CANCELLED)]


def test_a_job_that_reports_while_its_cancellation_waits_ends_once(executor, client, job, tell):
    executor.submit(job)
    executor.endings()
    client.away = {"queued"}
    executor.cancel(job.name)
    assert executor.endings() == []
    report(job)
    assert executor.endings() == [Completed(job.name, 3)]
    client.away = set()
    assert tell() == []


def test_a_job_never_accepted_that_reports_meanwhile_ends_once(executor, client, job, tell):
    intend([job])
    client.away = {"queued"}
    executor.submit(job)
    executor.cancel(job.name)
    assert executor.endings() == []
    report(job)
    assert executor.endings() == [Completed(job.name, 3)]
    client.away = set()
    assert tell() == []


def test_a_cancellation_without_effect_is_asked_for_later_and_later(executor, client, clock, job):
    executor.submit(job)
    executor.endings()
    client.queue = [record_of(job)]
    executor.cancel(job.name)
    times = []
    for second in range(600):
        assert executor.endings() == []
        if client.count("cancel") > len(times):
            times.append(second)
        clock.advance(1)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert len(pauses) > 3


def test_once_a_job_has_ended_its_end_is_not_asked_for(executor, client, job, tell):
    executor.submit(job)
    executor.endings()
    client.queue = [record_of(job)]
    executor.cancel(job.name)
    executor.endings()
    be_cancelled(client, job)
    (ending,) = [*tell(), *tell()]
    assert ending.state is JobState.CANCELLED
    client.calls.clear()
    assert tell() == []
    assert client.calls == []


def test_a_job_of_an_earlier_process_is_ended_and_watched(client, clock, job, executor, tell):
    BatchExecutor(client, clock=clock).submit(job)
    intend([job])
    client.queue = [record_of(job)]
    executor.submit(job)
    executor.cancel(job.name)
    assert executor.endings() == []
    assert client.count("cancel") == 1
    be_cancelled(client, job)
    (ending,) = [*tell(LAST_INTERVAL_S), *tell(LAST_INTERVAL_S)]
    assert ending.state is JobState.CANCELLED
    assert client.submitted() == []


def test_a_second_cancellation_does_not_wait_for_the_first(executor, client, clock, jobs):
    first, second = jobs(2)
    executor.submit(first)
    executor.submit(second)
    executor.endings()
    client.queue = [record_of(first), record_of(second)]
    executor.cancel(first.name)
    for _ in range(200):  # by now its pauses are long
        executor.endings()
        clock.advance(1)
    executor.cancel(second.name)
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert ("cancel", first.name, second.name) in client.calls
