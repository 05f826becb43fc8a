"""What SLURM is told, and what is understood of its answers."""

from pathlib import Path

import pytest
from foa.jobs import JobState, Resources
from foa.jobs.model import Job
from foa.jobs.slurm.text import (
    ENDED_STATES,
    Rejected,
    Row,
    SlurmSettings,
    Submitted,
    Unsure,
    read_memory,
    read_sacct,
    read_squeue,
    read_submission,
    sacct_arguments,
    sbatch_arguments,
    state_of,
)

COMMAND = ("/env/bin/foa-dl2-converter", "stage", "/tree/request.json")
RESOURCES = Resources(memory_mib=3000, time_limit_s=601, cores=4, excluded_nodes=("cp3", "cp7"))
JOB = Job("foa-dl2-converter-0123-1", COMMAND, Path("/tree/attempt-1"), RESOURCES)


def test_a_submission_is_an_argument_list():
    settings = SlurmSettings(account="foa", partition="short")
    assert sbatch_arguments(JOB, settings) == [
        "sbatch", "--parsable", "--no-requeue", "--account=foa", "--partition=short",
        "--job-name=foa-dl2-converter-0123-1", "--mem=3000M", "--cpus-per-task=4", "--time=11",
        "--output=/tree/attempt-1/out",
        "--error=/tree/attempt-1/err", "--open-mode=truncate", "--chdir=/tree/attempt-1", "--nice=500",
        "--export=ALL",
        "--exclude=cp3,cp7", "/tree/attempt-1/job.sh", "/env/bin/foa-dl2-converter", "stage", "/tree/request.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "out", "err", "meaning"),
    [
        (0, "12345\n", "", Submitted("12345")),
        (0, "12345;cluster\n", "", Submitted("12345")),
        (0, "Submitted batch job?", "", Unsure),
        (None, "", "", Unsure),
        (1, "", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", Unsure),
        (1, "", "sbatch: error: Batch job submission failed: Unable to contact slurm controller", Unsure),
        (1, "", "sbatch: error: Batch job submission failed: Invalid account or account/partition", Rejected),
        (1, "", "", Rejected("sbatch ended with 1")),
    ],
)
def test_a_submission_is_accepted_rejected_or_in_doubt(code, out, err, meaning):
    answer = read_submission(code, out, err)
    assert isinstance(answer, meaning) if isinstance(meaning, type) else answer == meaning


def test_recorded_accounting_is_understood(repository):
    rows = {row.name: row for row in read_sacct((repository / "tests/data/slurm/sacct.txt").read_text())}
    assert {name: (row.state, row.exit_code, row.signal) for name, row in rows.items()} == {
        "completed": ("COMPLETED", 0, 0),
        "failed": ("FAILED", 3, 0),
        "memory": ("FAILED", 0, 9),
        "cancelled": ("CANCELLED", 0, 0),
        "running": ("RUNNING", 0, 0),
        "timeout": ("TIMEOUT", 0, 0),
        "node": ("NODE_FAIL", 0, 0),
    }
    assert rows["node"].node == "n2"
    assert rows["memory"].peak_memory_mib > 600


def test_steps_and_malformed_lines_are_no_jobs():
    out = "1|a|COMPLETED|10|0:0|5|n1|/w|\n1.batch|batch|COMPLETED|10|0:0|5|n1||2G\nsacct: error\n\n2|b|RUNNING\n"
    (row,) = read_sacct(out)
    assert row == Row("1", "a", "COMPLETED", 10, 0, 0, "n1", 5, 2048, "/w")


def test_a_cancelled_job_is_cancelled_by_whomever():
    (row,) = read_sacct("1|a|CANCELLED by 1000|10|0:15|5|n1|/w|\n")
    assert state_of(row, 100) is JobState.CANCELLED


def test_queued_jobs_are_not_over():
    rows = read_squeue("7|foa-a|PENDING|1700000000||/w\n8|foa-b|RUNNING|1700000001|n1|/w\nslurm_load_jobs error\n")
    assert [(row.name, row.is_over) for row in rows] == [("foa-a", False), ("foa-b", False)]


def test_a_state_nobody_knows_is_not_an_ending():
    assert not Row("1", "a", "SOMETHING_NEW").is_over


@pytest.mark.parametrize("state", ENDED_STATES)
def test_every_ending_is_mapped(state):
    ended = state_of(Row("1", "a", state), 100)
    assert (ended is None) == (state == "COMPLETED")


@pytest.mark.parametrize(("peak", "state"), [(950, JobState.OUT_OF_MEMORY), (100, JobState.FAILED)])
def test_a_kill_counts_as_memory_only_when_memory_was_nearly_used_up(peak, state):
    assert state_of(Row("1", "a", "FAILED", signal=9, peak_memory_mib=peak), 1000) is state


@pytest.mark.parametrize(
    ("text", "mib"), [("3.05G", 3123), ("812M", 812), ("2048K", 2), ("1048576", 1), ("", 0), ("n/a", 0)]
)
def test_sizes_are_read_in_mib(text, mib):
    assert read_memory(text) == mib


def test_accounting_is_asked_from_an_explicit_time():
    assert "--starttime=uts1700000000" in sacct_arguments(["a", "b"], 1700000000)
    assert "--name=a,b" in sacct_arguments(["a", "b"], 1700000000)
