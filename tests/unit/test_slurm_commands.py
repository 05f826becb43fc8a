"""Command lines for SLURM, and the meaning of its states."""

from pathlib import Path

import pytest

from foa.executors import Job
from foa.executors.client import SchedulerClient
from foa.executors.scheduler import (
    Answer,
    Deferred,
    JobRecord,
    NoAnswer,
    Phase,
    Rejected,
    Unsure,
)
from foa.executors.slurm import SlurmSettings
from foa.executors.slurm.commands import SlurmCommands, read_memory
from foa.executors.slurm.states import (
    DOUBTFUL,
    ENDED_STATES,
    PERMANENT,
    phase_of,
    queue_phase_of,
    refusal_of,
    state_of,
)
from foa_stage.jobs import JobState, Resources

COMMAND = ("/env/bin/foa-dl2-converter", "stage", "/tree/request.json")
RESOURCES = Resources(memory_mib=3000, time_limit_s=601, cores=4, excluded_hosts=("cp3", "cp7"))
JOB = Job("foa-dl2-converter-0123-1", COMMAND, Path("/tree/attempt-1"), RESOURCES)
JOBS = [Job(name, ("true",), Path("/w"), RESOURCES) for name in ("a", "b")]


@pytest.fixture
def scheduler():
    settings = SlurmSettings(account="foa", partition="short")
    return SlurmCommands(settings, {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf"})


def ended(**fields):
    return JobRecord("1", "a", Phase.ENDED, **fields)


def test_a_submission_is_an_argument_list(scheduler):
    options = [
        "--account=foa",
        "--partition=short",
        "--job-name=foa-dl2-converter-0123-1",
        "--mem=3000M",
        "--cpus-per-task=4",
        "--time=11",
        "--output=/tree/attempt-1/out",
        "--error=/tree/attempt-1/err",
        "--open-mode=append",
        "--chdir=/tree/attempt-1",
        "--nice=500",
        "--export=ALL",
        "--exclude=cp3,cp7",
    ]
    assert scheduler.submission(JOB).arguments == (
        "sbatch",
        "--parsable",
        "--no-requeue",
        *options,
        "/tree/attempt-1/job.sh",
        *COMMAND,
    )


def test_commands_get_the_environment_and_tell_unix_times(scheduler):
    environment = {"PATH": "/bin", "SLURM_CONF": "/etc/slurm.conf", "SLURM_TIME_FORMAT": "%s"}
    for command in (scheduler.submission(JOB), scheduler.queue_query(JOBS), scheduler.test()):
        assert command.environment == environment


def test_the_queue_is_asked_for_all_states(scheduler):
    arguments = scheduler.queue_query(JOBS).arguments
    assert arguments[0] == "squeue"
    assert {"--states=all", "--name=a,b"} < set(arguments)


def test_accounting_is_asked_from_an_explicit_time(scheduler):
    arguments = scheduler.accounting_query(JOBS, 1700000000).arguments
    assert arguments[0] == "sacct"
    assert "--starttime=uts1700000000" in arguments
    assert "--name=a,b" in arguments


def test_a_test_submits_nothing(scheduler):
    test = ("sbatch", "--test-only", "--account=foa", "--partition=short", "--wrap=true")
    assert scheduler.test().arguments == test


def test_a_test_tells_when_the_job_would_start(scheduler):
    said = "sbatch: Job 17 to start at 2024-11-24T20:39:02 using 1 processors on nodes n1\n"
    start = "Job 17 to start at 2024-11-24T20:39:02 using 1 processors on nodes n1"
    assert scheduler.read_test(Answer("sbatch", 0, err=said)) == start


def test_a_submission_without_an_answer_is_in_doubt(scheduler):
    def stay_silent(command):
        raise NoAnswer(f"{command.arguments[0]} did not answer in time")

    submission = SchedulerClient(scheduler, stay_silent).submit(JOB)
    assert submission == Unsure("sbatch did not answer in time")


def test_a_job_finds_its_id_in_a_variable_of_slurms(scheduler):
    assert scheduler.id_variable == "SLURM_JOB_ID"


@pytest.mark.parametrize("words", PERMANENT)
def test_what_is_refused_for_good_is_rejected_in_slurms_words(words):
    said = f"Batch job submission failed: {words}"
    assert refusal_of(said) == Rejected(said)


@pytest.mark.parametrize("words", DOUBTFUL)
def test_after_a_doubtful_answer_nobody_knows(words):
    said = f"Batch job submission failed: {words}"
    assert refusal_of(said) == Unsure(said)


@pytest.mark.parametrize(
    "words",
    [
        "AssocMaxSubmitJobLimit; Batch job submission failed: Job violates accounting/QOS policy "
        "(job submit limit, user's size and/or time limits)",
        "Required partition not available (inactive or drain)",
        "Partition in DOWN state",
        "Requested partition configuration not available now",
        "System submissions disabled",
        "Protocol authentication error",
        "Unable to contact slurm controller (connect failure)",
        "I/O error writing script/environment to file",
        "Slurm temporarily unable to accept job, sleeping and retrying",
        "Unable to create job record, try again",
        "words that nobody knows",
    ],
)
def test_every_other_refusal_is_for_now(words):
    assert refusal_of(words) == Deferred(words)


def test_a_state_nobody_knows_is_not_an_ending():
    assert phase_of("SOMETHING_NEW") is Phase.RUNNING
    assert queue_phase_of("SOMETHING_NEW") is Phase.RUNNING
    assert state_of("SOMETHING_NEW", ended(), 100) is None


@pytest.mark.parametrize("state", ENDED_STATES)
def test_every_ending_is_mapped(state):
    assert phase_of(state) is Phase.ENDED
    assert (state_of(state, ended(), 100) is None) == (state == "COMPLETED")


@pytest.mark.parametrize("state", ENDED_STATES)
def test_the_queue_does_not_tell_how_a_job_ended(state):
    assert queue_phase_of(state) is Phase.ENDING


@pytest.mark.parametrize(("peak", "state"), [(950, JobState.OUT_OF_MEMORY), (100, JobState.FAILED)])
def test_a_kill_counts_as_memory_only_when_memory_was_nearly_used_up(peak, state):
    assert state_of("FAILED", ended(signal=9, peak_memory_mib=peak), 1000) is state


@pytest.mark.parametrize(
    ("text", "mib"),
    [("3.05G", 3123), ("812M", 812), ("2048K", 2), ("1048576", 1), ("", 0), ("n/a", 0)],
)
def test_sizes_are_read_in_mib(text, mib):
    assert read_memory(text) == mib
