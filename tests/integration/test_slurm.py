"""The batch executor against a real SLURM: one job per name, whatever goes wrong in between."""

import contextlib
import time

import pytest

from foa.executors import Job
from foa.executors.batch import BatchExecutor
from foa.executors.scheduler import NoAnswer, Submitted, Unsure
from foa.executors.slurm import SlurmExecution
from foa_stage.jobs import Completed, JobState, Resources
from foa_stage.tree import Report, Work
from foa_testing.stack.processes import stop, wait_until

ROOMY = Resources(memory_mib=300, time_limit_s=600)


@pytest.fixture(scope="module")
def slurm(stack):
    return stack.slurm


@pytest.fixture(scope="module")
def rest(slurm):
    return slurm.start_rest()


BOTH_WAYS = pytest.mark.parametrize("client", ["commands", "rest"], indirect=True)


@pytest.fixture
def client(request):
    if getattr(request, "param", "commands") == "commands":
        return SlurmExecution().client()
    return SlurmExecution(rest=request.getfixturevalue("rest")).client()


def make_executor(client):
    """Return an executor that asks soon."""
    return BatchExecutor(client, first_interval_s=1.0, first_pause_s=1.0)


@pytest.fixture
def executor(slurm, client):
    return make_executor(client)


@pytest.fixture
def job(tmp_path, request):
    def make(command, resources=ROOMY, name=None):
        name = name or f"foa-test-{abs(hash(request.node.name)):x}-1"
        return Job(name, ("/bin/sh", "-c", command), tmp_path / "work" / "attempt-1", resources)

    return make


def submit(executor, job):
    """Take charge of a job, and let a turn go by; returns what has ended."""
    executor.submit(job)
    return executor.endings()


def note(job):
    """What the job tells people about why it waits; empty if it does not wait."""
    path = job.directory / "waiting"
    return path.read_text() if path.exists() else ""


def wait_for(executor, limit=90):
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if ended := executor.endings():
            return ended[0]
        time.sleep(0.1)
    raise AssertionError(f"nothing ended within {limit} s")


def accounted(slurm, name):
    """Ids of all jobs of this name that SLURM ever had."""
    return set(slurm.command("sacct", "-nXPD", f"--name={name}", "--format=JobIDRaw").split())


def state(slurm, name):
    return slurm.command("squeue", "-h", f"--name={name}", "-o", "%T").strip()


def host_of(slurm, name):
    return slurm.command("squeue", "-h", f"--name={name}", "-o", "%N").strip()


@BOTH_WAYS
def test_a_job_that_ends_well_has_completed(executor, job):
    submit(executor, job("echo hello"))
    assert isinstance(wait_for(executor), Completed)
    assert (job("").directory / "out").read_text() == "hello\n"


def test_a_report_is_noticed_without_asking_slurm(executor, job):
    submitted = job("sleep 600")
    submit(executor, submitted)
    work = Work("test", "key", submitted.directory.parent)
    work.write_report(Report(outcome="done", exit_code=0, wall_s=3))
    assert executor.endings() == [Completed(submitted.name, 3)]


def test_the_exit_code_of_a_failure_is_kept(executor, job):
    submit(executor, job("exit 3"))
    ending = wait_for(executor)
    assert (ending.state, ending.exit_code) == (JobState.FAILED, 3)


@BOTH_WAYS
def test_a_job_killed_for_its_memory_is_out_of_memory(executor, job):
    hungry = "python3 -c 'import time; x = bytearray(600 << 20); time.sleep(60)'"
    submit(executor, job(hungry, Resources(memory_mib=200, time_limit_s=600)))
    ending = wait_for(executor)
    assert ending.state is JobState.OUT_OF_MEMORY
    assert ending.peak_memory_mib > 180


@BOTH_WAYS
def test_a_cancelled_job_is_cancelled(executor, slurm, job):
    submitted = job("sleep 600")
    submit(executor, submitted)
    slurm.cancel_at_work(submitted.name)
    assert wait_for(executor).state is JobState.CANCELLED


def test_a_job_over_its_time_has_timed_out(executor, slurm, job):
    submitted = job("sleep 600")
    submit(executor, submitted)
    wait_until(lambda: state(slurm, submitted.name) == "RUNNING")
    job_id = slurm.command("squeue", "-h", f"--name={submitted.name}", "-o", "%i").strip()
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 3))
    slurm.command("scontrol", "update", f"jobid={job_id}", f"endtime={soon}")
    assert wait_for(executor).state is JobState.TIMEOUT


@BOTH_WAYS
def test_a_job_whose_host_dies_says_which(executor, slurm, job):
    submitted = job("sleep 600")
    submit(executor, submitted)
    wait_until(lambda: state(slurm, submitted.name) == "RUNNING")
    host = host_of(slurm, submitted.name)
    slurm.command("scontrol", "update", f"nodename={host}", "state=down", "reason=test")
    ending = wait_for(executor)
    slurm.command("scontrol", "update", f"nodename={host}", "state=resume")
    assert (ending.state, ending.host) == (JobState.NODE_FAIL, host)


def test_excluded_hosts_are_not_used(executor, slurm, job):
    submitted = job("sleep 600", ROOMY.model_copy(update={"excluded_hosts": ("n1", "n2")}))
    submit(executor, submitted)
    wait_until(lambda: state(slurm, submitted.name) == "RUNNING")
    assert host_of(slurm, submitted.name) == "n3"
    slurm.command("scancel", f"--name={submitted.name}")


@pytest.mark.parametrize("way", ["commands", "rest"])
def test_an_unknown_account_is_rejected_with_slurms_reason(slurm, rest, job, way):
    execution = SlurmExecution(account="nobody", rest=rest if way == "rest" else None)
    executor = execution.make_executor()
    (ending,) = submit(executor, job("true"))
    assert ending.state is JobState.REJECTED
    assert "Invalid account" in ending.reason


@pytest.mark.parametrize(
    ("settings", "memory_mib", "words"),
    [
        ({"partition": "nowhere"}, 300, "Invalid partition"),
        ({"qos": "nobodys"}, 300, "Invalid qos"),
        ({}, 10_000_000, "Requested node configuration is not available"),
    ],
)
@pytest.mark.parametrize("way", ["commands", "rest"])
def test_what_slurm_will_never_accept_is_rejected(
    slurm, rest, job, way, settings, memory_mib, words
):
    execution = SlurmExecution(**settings, rest=rest if way == "rest" else None)
    large = Resources(memory_mib=memory_mib, time_limit_s=600)
    (ending,) = submit(execution.make_executor(), job("true", large))
    assert ending.state is JobState.REJECTED
    assert words in ending.reason


LIMIT = ("sacctmgr", "--quiet", "--immediate", "modify", "account", "foa", "set")


@BOTH_WAYS
def test_a_job_above_the_submit_limit_waits_until_it_is_lifted(executor, slurm, job):
    submitted = job("true")
    slurm.command(*LIMIT, "grpsubmitjobs=0")
    try:
        wait_until(lambda: "GrpSubmitJobs=0(" in slurm.command("scontrol", "show", "assoc"))
        assert submit(executor, submitted) == []
        assert "job submit limit" in note(submitted)
    finally:
        slurm.command(*LIMIT, "grpsubmitjobs=-1")
    assert isinstance(wait_for(executor), Completed)
    assert note(submitted) == ""


@contextlib.contextmanager
def partition(slurm, state):
    """Let the partition be in a state, and up again afterwards."""
    slurm.command("scontrol", "update", "partitionname=main", f"state={state}")
    try:
        yield
    finally:
        slurm.command("scontrol", "update", "partitionname=main", "state=up")


def test_a_job_for_a_partition_that_takes_none_waits_until_it_does(executor, slurm, job):
    submitted = job("true")
    with partition(slurm, "inactive"):
        assert submit(executor, submitted) == []
        assert "partition" in note(submitted)
    assert isinstance(wait_for(executor), Completed)
    assert note(submitted) == ""


def test_a_job_for_a_partition_that_is_down_waits_in_slurms_queue(executor, slurm, job):
    submitted = job("true")
    with partition(slurm, "down"):
        submit(executor, submitted)
        assert executor.running() == [submitted.name]
    assert isinstance(wait_for(executor), Completed)


@BOTH_WAYS
def test_of_two_accepted_jobs_of_an_attempt_one_is_executed_and_counts(
    executor, client, slurm, job
):
    submitted = job("echo ran >> trace; until [ -e go ]; do sleep 0.1; done")
    submit(executor, submitted)
    assert isinstance(client.submit(submitted), Submitted)

    def states():
        return slurm.command("sacct", "-nXP", f"--name={submitted.name}", "--format=State").split()

    wait_until(lambda: sorted(states()) == ["COMPLETED", "RUNNING"], "the end of the second", 120)
    another = make_executor(client)
    assert submit(another, submitted) == []
    assert another.running() == [submitted.name]
    (submitted.directory / "go").touch()
    assert isinstance(wait_for(another), Completed)
    assert (submitted.directory / "trace").read_text() == "ran\n"


def test_the_foa_account_goes_before_the_standard_one(slurm, job):
    command = ("sbatch", "--parsable", "--hold", "--wrap", "true", "-o", "/dev/null")
    ids = [slurm.command(*command, "-A", account).strip() for account in ("standard", "foa")]
    wait_until(
        lambda: len(slurm.command("squeue", "-h", "-j", ",".join(ids), "-o", "%i").split()) == 2
    )
    qos = {i: slurm.command("squeue", "-h", "-j", i, "-o", "%q").strip() for i in ids}
    priority = dict(
        line.split("|")
        for line in slurm.command("sacctmgr", "-nP", "show", "qos", "format=name,priority").split()
    )
    slurm.command("scancel", *ids)
    assert int(priority[qos[ids[1]]]) > int(priority[qos[ids[0]]])


@BOTH_WAYS
def test_a_restarted_executor_finds_its_job_and_submits_no_second(executor, client, slurm, job):
    submitted = job("sleep 3")
    submit(executor, submitted)
    another = make_executor(client)
    submit(another, submitted)
    assert isinstance(wait_for(another), Completed)
    assert len(accounted(slurm, submitted.name)) == 1


def test_a_job_of_the_same_name_in_another_tree_is_another_job(executor, slurm, job, tmp_path):
    first = job("true")
    submit(executor, first)
    assert isinstance(wait_for(executor), Completed)
    second = Job(first.name, ("/bin/sh", "-c", "exit 3"), tmp_path / "other" / "attempt-1", ROOMY)
    submit(executor, second)
    assert wait_for(executor).exit_code == 3


class LostReply:
    """Client that submits, and loses the first answer."""

    id_variable = "SLURM_JOB_ID"

    def __init__(self, client):
        self.client, self.lost = client, 0

    def submit(self, job):
        submission = self.client.submit(job)
        self.lost += 1
        return submission if self.lost > 1 else Unsure("sbatch did not answer in time")

    def queued(self, jobs):
        return self.client.queued(jobs)

    def accounted(self, jobs, since):
        return self.client.accounted(jobs, since)


def test_a_lost_reply_does_not_make_a_second_job(slurm, job):
    client = LostReply(SlurmExecution().client())
    executor = make_executor(client)
    submitted = job("sleep 2")
    submit(executor, submitted)
    assert client.lost
    assert isinstance(wait_for(executor), Completed)
    assert len(accounted(slurm, submitted.name)) == 1


@BOTH_WAYS
def test_a_controller_that_is_away_delays_the_job(executor, slurm, job):
    submitted = job("true")
    stop_server(slurm, "slurmctld")
    assert submit(executor, submitted) == []
    assert note(submitted)
    slurm.start_ctld()
    assert isinstance(wait_for(executor), Completed)
    assert len(accounted(slurm, submitted.name)) == 1


def test_accounting_that_is_away_delays_only_the_verdict(executor, slurm, job):
    stop_server(slurm, "slurmdbd")
    submitted = job("exit 4")
    submit(executor, submitted)
    assert executor.running() == [submitted.name]
    wait_until(lambda: state(slurm, submitted.name) == "")
    assert executor.endings() == []
    slurm.start_dbd()
    ending = wait_for(executor)
    assert (ending.state, ending.exit_code) == (JobState.FAILED, 4)


@BOTH_WAYS
def test_whoever_would_submit_jobs_can_ask_whether_that_will_do(client, slurm):
    assert client.check()


def test_what_slurmrestd_refuses_says_why(rest, job, tmp_path):
    (tmp_path / "token").write_text("stale")
    stale = rest.model_copy(update={"token_file": tmp_path / "token"})
    client = SlurmExecution(rest=stale).client()
    with pytest.raises(NoAnswer, match=rest.url):
        client.check()
    assert isinstance(client.submit(job("true")), Unsure)


def stop_server(slurm, name):
    stop(slurm.pid_file(name))
