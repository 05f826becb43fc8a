"""Settings of executors in a site file."""

import pytest
from pydantic import TypeAdapter, ValidationError

from foa.executors import Execution, LocalExecution, SlurmExecution
from foa.executors.batch import BatchExecutor
from foa.executors.local.executor import LocalExecutor
from foa.executors.slurm import Rest

REST = {"url": "unix:/run/slurmrestd.socket", "version": "v0.0.38"}


def read(**content):
    return TypeAdapter(Execution).validate_python(content)


def test_the_kind_chooses_the_executor():
    assert read(kind="local", slots=3) == LocalExecution(slots=3)
    assert read(kind="slurm", account="a", partition="p", qos="q") == SlurmExecution(
        account="a", partition="p", qos="q"
    )
    assert read(kind="slurm", rest=REST) == SlurmExecution(rest=Rest(**REST))


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "local", "slots": 0},
        {"kind": "local", "account": "foa"},
        {"kind": "slurm", "slots": 2},
        {"kind": "slurm", "rest": {"url": "http://host", "version": "41"}},
        {"kind": "batch"},
        {},
    ],
)
def test_what_fits_no_executor_is_rejected(content):
    with pytest.raises(ValidationError):
        read(**content)


def test_local_jobs_have_no_scheduler_to_ask():
    execution = LocalExecution()
    assert execution.client() is None
    assert isinstance(execution.make_executor(), LocalExecutor)


@pytest.mark.parametrize("rest", [None, Rest(**REST)])
def test_a_meter_sees_the_client_of_the_batch_executor(rest):
    metered = []

    def meter(client):
        metered.append(client)
        return client

    execution = SlurmExecution(rest=rest)
    assert isinstance(execution.make_executor(meter), BatchExecutor)
    assert [type(client) for client in metered] == [type(execution.client())]


def test_only_what_is_set_becomes_an_option():
    assert SlurmExecution(partition="short").options() == {"account": "foa", "partition": "short"}
