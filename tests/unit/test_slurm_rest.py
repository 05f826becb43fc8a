"""Calls to slurmrestd of SLURM 22.05 and 24.05, in their own shapes."""

from pathlib import Path

import pytest

from foa.executors import Job
from foa.executors.script import make_script
from foa.executors.slurm import Rest, SlurmSettings
from foa.executors.slurm.rest import SlurmRest
from foa_stage.jobs import Resources

COMMAND = ("/env/bin/foa-a", "stage", "/tree/it's here.json")
RESOURCES = Resources(memory_mib=3000, time_limit_s=601, excluded_hosts=("cp3",))
JOB = Job("foa-a-1", COMMAND, Path("/tree/attempt-1"), RESOURCES)
OLD, NEW = (SlurmRest(SlurmSettings(), {"A": "b"}, version) for version in ("v0.0.38", "v0.0.41"))


@pytest.mark.parametrize("scheduler", [OLD, NEW])
def test_the_command_reaches_the_script_quoted(scheduler):
    script = scheduler.submission(JOB).json["script"]
    assert script == make_script(scheduler.id_variable, COMMAND)
    assert "set -- /env/bin/foa-a stage '/tree/it'\"'\"'s here.json'\n" in script


@pytest.mark.parametrize("scheduler", [OLD, NEW])
def test_a_job_gets_its_files_memory_and_minutes(scheduler):
    job = scheduler.submission(JOB).json["job"]
    assert (job["memory_per_node"], job["time_limit"], job["account"]) == (3000, 11, "foa")
    assert (job["name"], job["cpus_per_task"], job["nice"]) == ("foa-a-1", 1, 500)
    assert job["current_working_directory"] == "/tree/attempt-1"
    assert job["standard_output"] == "/tree/attempt-1/out"
    assert job["standard_error"] == "/tree/attempt-1/err"
    assert job["open_mode"] == "append"
    assert "partition" not in job


def test_a_job_gets_its_variables_and_no_host_it_should_avoid():
    old, new = OLD.submission(JOB).json["job"], NEW.submission(JOB).json["job"]
    assert (new["environment"], new["excluded_nodes"]) == (["A=b"], ["cp3"])
    assert new["requeue"] is False
    assert old["environment"] == {"A": "b"}
    assert not {"excluded_nodes", "requeue"} & set(old)


@pytest.mark.parametrize(
    ("call", "method", "path"),
    [
        (OLD.submission(JOB), "POST", "/slurm/v0.0.38/job/submit"),
        (NEW.submission(JOB), "POST", "/slurm/v0.0.41/job/submit"),
        (NEW.queue_query([JOB]), "GET", "/slurm/v0.0.41/jobs"),
        (NEW.accounting_query([JOB], 5), "GET", "/slurmdb/v0.0.41/jobs"),
        (NEW.test(), "GET", "/slurm/v0.0.41/ping"),
    ],
)
def test_calls_go_to_the_paths_of_their_version(call, method, path):
    assert (call.method, call.path) == (method, path)


def test_accounting_is_asked_for_the_jobs_names_from_an_explicit_time():
    assert NEW.accounting_query([JOB, JOB], 1700000000).params == {
        "job_name": "foa-a-1,foa-a-1",
        "start_time": "uts1700000000",
    }


def test_a_token_is_read_anew_for_every_request(tmp_path):
    rest = Rest(url="http://host", user="foa", token_file=tmp_path / "token")
    for token in ("first", "second"):
        rest.token_file.write_text(f"{token}\n")
        assert rest.headers() == {"X-SLURM-USER-NAME": "foa", "X-SLURM-USER-TOKEN": token}


def test_authentication_by_socket_needs_no_headers():
    assert Rest(url="unix:/run/slurmrestd.socket").headers() == {}
