"""A second scheduler, made up here: the batch executor needs nothing but this class."""

import pytest

from foa.executors import Job
from foa.executors.batch import BELIEF_S, BatchExecutor
from foa.executors.client import SchedulerClient
from foa.executors.scheduler import Answer, JobRecord, Phase, Rejected, Submitted
from foa_stage.jobs import Completed, Died, JobState, Resources

MEANINGS = {
    "waits": (Phase.QUEUED, None),
    "runs": (Phase.RUNNING, None),
    "well": (Phase.ENDED, None),
    "late": (Phase.ENDED, JobState.TIMEOUT),
}


class Counter:
    """A scheduler that lists all its jobs on one slate, ended ones included."""

    def submission(self, job):
        return "enter", job.name, str(job.directory)

    def read_submission(self, answer):
        return Submitted(answer.out) if answer.code == 0 else Rejected(answer.err)

    def queue_query(self, jobs):
        return ("slate",)

    def read_queue(self, answer, jobs):
        names = {job.name for job in jobs}
        rows = [line.split() for line in answer.out.splitlines()]
        return [
            JobRecord("", name, *MEANINGS[word], directory=directory)
            for name, directory, word in rows
            if name in names
        ]

    def accounting_query(self, jobs, since):
        return self.queue_query(jobs)

    read_accounting = read_queue

    def test(self):
        return ("hello",)

    def read_test(self, answer):
        return answer.out


class Slate:
    """What answers it: jobs by name, with their directories and states."""

    def __init__(self):
        self.states, self.directories, self.is_full = {}, {}, False

    def ask(self, call):
        match call:
            case ("enter", _, _) if self.is_full:
                return Answer("slate", 1, err="the slate is full")
            case ("enter", name, directory):
                self.states[name], self.directories[name] = "waits", directory
                return Answer("slate", 0, name)
            case ("slate",):
                lines = [f"{n} {self.directories[n]} {state}" for n, state in self.states.items()]
                return Answer("slate", 0, "\n".join(lines))
            case _:
                return Answer("slate", 0, "good morning")


@pytest.fixture
def slate():
    return Slate()


@pytest.fixture
def client(slate):
    return SchedulerClient(Counter(), slate.ask)


@pytest.fixture
def job(tmp_path):
    resources = Resources(memory_mib=100, time_limit_s=60)
    return Job("foa-test-1", ("true",), tmp_path / "work/attempt-1", resources)


@pytest.fixture
def clock():
    times = iter(range(2_000_000_000, 3_000_000_000, 60))
    return lambda: next(times)


def test_its_jobs_are_submitted_and_watched_to_their_end(client, clock, slate, job):
    executor = BatchExecutor(client, clock=clock)
    executor.submit(job)
    assert slate.states == {job.name: "waits"}
    assert executor.endings() == []
    slate.states[job.name] = "runs"
    assert executor.endings() == []
    assert executor.running() == [job.name]
    slate.states[job.name] = "well"
    assert executor.endings() == [Completed(job.name)]


def test_its_bad_endings_are_believed_when_they_stay(client, clock, slate, job):
    executor = BatchExecutor(client, first_interval_s=BELIEF_S, clock=clock)
    executor.submit(job)
    slate.states[job.name] = "late"
    assert executor.endings() == []
    assert executor.endings() == [Died(job.name, JobState.TIMEOUT, 0)]


def test_what_it_refuses_has_died(client, clock, slate, job):
    slate.is_full = True
    executor = BatchExecutor(client, clock=clock)
    executor.submit(job)
    assert executor.endings() == [Died(job.name, JobState.REJECTED, reason="the slate is full")]


def test_its_client_tells_what_it_says_to_a_test(client):
    assert client.check() == "good morning"
