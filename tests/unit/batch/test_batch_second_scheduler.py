"""A second scheduler, made up here: the batch executor needs nothing but this class."""

import pytest

from foa.executors.batch import BatchExecutor
from foa.executors.batch.executor import BELIEF_S
from foa.executors.client import SchedulerClient
from foa.executors.scheduler import Answer, JobRecord, Phase, Rejected, Submitted
from foa_stage.jobs import Completed, Died, JobState

MEANINGS = {
    "waits": (Phase.QUEUED, None),
    "runs": (Phase.RUNNING, None),
    "well": (Phase.ENDED, None),
    "late": (Phase.ENDED, JobState.TIMEOUT),
}


class Counter:
    """A scheduler that lists all its jobs on one slate, ended ones included."""

    id_variable = "NUMBER"

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
            JobRecord("7", name, *MEANINGS[word], directory=directory)
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


def turn(executor, clock):
    """Let a minute pass, and a turn go by; returns what has ended."""
    clock.advance(60)
    return executor.endings()


def test_its_jobs_are_submitted_and_watched_to_their_end(executor, clock, slate, job):
    executor.submit(job)
    assert turn(executor, clock) == []
    assert slate.states == {job.name: "waits"}
    assert turn(executor, clock) == []
    slate.states[job.name] = "runs"
    (job.directory / "claim").symlink_to("7/host/1")
    assert turn(executor, clock) == []
    assert executor.running() == [job.name]
    slate.states[job.name] = "well"
    assert turn(executor, clock) == [Completed(job.name)]


def test_its_bad_endings_are_believed_when_they_stay(client, clock, slate, job):
    executor = BatchExecutor(client, first_interval_s=BELIEF_S, clock=clock)
    executor.submit(job)
    assert turn(executor, clock) == []
    slate.states[job.name] = "late"
    assert turn(executor, clock) == []
    assert turn(executor, clock) == [Died(job.name, JobState.TIMEOUT, 0)]


def test_what_it_refuses_has_died(executor, clock, slate, job):
    slate.is_full = True
    executor.submit(job)
    assert turn(executor, clock) == [Died(job.name, JobState.REJECTED, reason="the slate is full")]


def test_its_client_tells_what_it_says_to_a_test(client):
    assert client.check() == "good morning"
