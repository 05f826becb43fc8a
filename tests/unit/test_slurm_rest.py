"""What slurmrestd is told, and what is understood of its answers: of SLURM 22.05 and 24.05, in their own shapes."""

from pathlib import Path

import pytest
from foa.jobs import Resources
from foa.jobs.model import Job
from foa.jobs.slurm.rest import read_accounted, read_queued, read_submission, submission
from foa.jobs.slurm.text import Rejected, Row, SlurmSettings, Submitted, Unsure

RESOURCES = Resources(memory_mib=3000, time_limit_s=601, excluded_nodes=("cp3",))
JOB = Job("foa-a-1", ("/env/bin/foa-a", "stage", "/tree/it's here.json"), Path("/tree/attempt-1"), RESOURCES)


def number(value):
    return {"set": True, "infinite": False, "number": value}


def steps(memory):
    return [{"tres": {"requested": {"max": [{"type": "cpu", "count": 7}, {"type": "mem", "count": memory}]}}}]


OLD_QUEUED = {"job_id": 7, "name": "a", "job_state": "RUNNING", "submit_time": 1700000000, "nodes": "n1",
              "current_working_directory": "/w"}  # fmt: skip
NEW_QUEUED = OLD_QUEUED | {"job_state": ["RUNNING", "CONFIGURING"], "submit_time": number(1700000000)}
OLD_ACCOUNTED = {
    "job_id": 7, "name": "a", "state": {"current": "FAILED"}, "time": {"submission": 1700000000, "elapsed": 5},
    "exit_code": {"status": "SIGNALED", "return_code": None, "signal": {"signal_id": 9, "name": "Killed"}},
    "nodes": "n1", "working_directory": "/w", "steps": steps(600 << 20),
}  # fmt: skip
NEW_ACCOUNTED = OLD_ACCOUNTED | {
    "state": {"current": ["FAILED"]},
    "exit_code": {"status": ["SIGNALED"], "return_code": number(0), "signal": {"id": number(9), "name": "KILL"}},
}


@pytest.mark.parametrize("job", [OLD_QUEUED, NEW_QUEUED])
def test_a_job_of_the_controller_is_a_row(job):
    assert read_queued(job) == Row("7", "a", "RUNNING", 1700000000, node="n1", directory="/w")


@pytest.mark.parametrize("job", [OLD_ACCOUNTED, NEW_ACCOUNTED])
def test_a_job_of_the_accounting_is_a_row(job):
    assert read_accounted(job) == Row("7", "a", "FAILED", 1700000000, 0, 9, "n1", 5, 600, "/w")


def test_the_command_reaches_the_script_quoted():
    script = submission(JOB, SlurmSettings(), {}, "v0.0.38")["script"]
    assert script == "#!/bin/bash\nexec /env/bin/foa-a stage '/tree/it'\"'\"'s here.json'\n"


def test_a_job_gets_its_memory_minutes_variables_and_no_place_it_should_avoid():
    old, new = (submission(JOB, SlurmSettings(), {"A": "b"}, version)["job"] for version in ("v0.0.38", "v0.0.41"))
    assert (new["memory_per_node"], new["time_limit"], new["account"]) == (3000, 11, "foa")
    assert (new["environment"], new["excluded_nodes"]) == (["A=b"], ["cp3"])
    assert old["environment"] == {"A": "b"}
    assert "excluded_nodes" not in old
    assert "partition" not in new


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ({"errors": [], "job_id": 12}, Submitted("12")),
        ({"errors": [{"error_code": 2045, "error": "Invalid account"}]}, Rejected("Invalid account")),
        ({"errors": [{"description": "Unable to contact slurm controller (connect failure)"}]}, Unsure),
        ({}, Unsure),
    ],
)
def test_a_submission_is_accepted_rejected_or_in_doubt(answer, meaning):
    said = read_submission(answer)
    assert isinstance(said, meaning) if isinstance(meaning, type) else said == meaning
