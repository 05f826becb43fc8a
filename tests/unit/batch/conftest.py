"""The batch executor with a scripted client and clock."""

import pytest

from foa.executors import Job
from foa.executors.batch import BatchExecutor
from foa.executors.batch.pace import LAST_INTERVAL_S
from foa_stage.jobs import Resources
from foa_testing.fakes.scripted_scheduler import Clock, ScriptedClient

RESOURCES = Resources(memory_mib=100, time_limit_s=60)


@pytest.fixture
def client():
    return ScriptedClient()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def executor(client, clock):
    return BatchExecutor(client, clock=clock)


@pytest.fixture
def jobs(tmp_path):
    """Make so many jobs, each with a directory of its own."""

    def make(n, first=0):
        names = [f"foa-test-{number}-1" for number in range(first, first + n)]
        return [Job(name, ("true",), tmp_path / name / "attempt-1", RESOURCES) for name in names]

    return make


@pytest.fixture
def job(jobs):
    return jobs(1)[0]


@pytest.fixture
def tell(executor, clock):
    """Let so much time pass that the scheduler is asked again; returns what has ended."""

    def endings(seconds=LAST_INTERVAL_S):
        clock.advance(seconds)
        return executor.endings()

    return endings
