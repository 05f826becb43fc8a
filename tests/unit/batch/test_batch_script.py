"""The script of a job, run by bash: of all jobs of an attempt, one executes it."""

import os
import subprocess

import pytest

from foa.executors.script import STARTED_AGAIN, make_script

APPEND = ("/bin/sh", "-c", "echo ran >> trace; exit 5")


@pytest.fixture
def attempt(tmp_path):
    directory = tmp_path / "attempt-1"
    directory.mkdir()
    (directory / "job.sh").write_text(make_script("JOB_ID"))
    return directory


def start(attempt, job_id="17", command=APPEND):
    environment = {"PATH": os.environ["PATH"], "JOB_ID": job_id}
    return subprocess.Popen(
        ("/bin/bash", "job.sh", *command),
        cwd=attempt,
        env=environment,
        text=True,
        stderr=subprocess.PIPE,
    )


def run(attempt, *arguments):
    job = start(attempt, *arguments)
    complaint = job.communicate()[1]
    return job.returncode, complaint


def times_run(attempt):
    trace = attempt / "trace"
    return len(trace.read_text().splitlines()) if trace.exists() else 0


def test_it_executes_its_arguments_and_ends_as_they_do(attempt):
    assert run(attempt) == (5, "")
    assert times_run(attempt) == 1


def test_it_names_the_job_that_claimed_the_attempt(attempt):
    run(attempt, "17")
    assert (attempt / "claim").readlink().parts[0] == "17"


def test_a_second_job_does_nothing_well_and_silently(attempt):
    run(attempt, "17")
    assert run(attempt, "18") == (0, "")
    assert times_run(attempt) == 1
    assert (attempt / "claim").readlink().parts[0] == "17"


def test_a_job_that_is_started_again_does_nothing_and_says_where_it_was_before(attempt):
    """A scheduler that loses its state starts jobs again that have ended."""
    run(attempt, "17")
    code, complaint = run(attempt, "17")
    assert code == STARTED_AGAIN
    assert str((attempt / "claim").readlink()) in complaint
    assert times_run(attempt) == 1


def test_of_many_jobs_that_start_at_once_one_executes_it(attempt):
    jobs = [start(attempt, str(number)) for number in range(12)]
    for job in jobs:
        job.communicate()
    assert sorted(job.returncode for job in jobs) == [0] * 11 + [5]
    assert times_run(attempt) == 1


@pytest.mark.parametrize("sign", ["../report.json", "conclusion.json"])
def test_an_attempt_that_has_ended_is_not_executed(attempt, sign):
    (attempt / sign).touch()
    assert run(attempt) == (0, "")
    assert times_run(attempt) == 0


def test_a_job_that_cannot_claim_its_attempt_fails_and_says_why(attempt):
    (attempt / "job.sh").rename(attempt.parent / "job.sh")
    without_directory = 'rmdir "$PWD" && exec bash ../job.sh true'
    ended = subprocess.run(
        ("/bin/bash", "-c", without_directory),
        cwd=attempt,
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert ended.stderr


def test_arguments_may_stand_in_the_script_quoted(attempt):
    command = ("/bin/sh", "-c", 'echo "$1" > said', "sh", "it's; $HOME `id` \\")
    (attempt / "job.sh").write_text(make_script("JOB_ID", command))
    assert run(attempt, "17", ()) == (0, "")
    assert (attempt / "said").read_text() == "it's; $HOME `id` \\\n"
