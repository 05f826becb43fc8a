"""The batch executor with a scripted client and clock: one job per name, whatever goes wrong."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest

from foa.executors import Job
from foa.executors.batch import (
    BELIEF_S,
    FIRST_INTERVAL_S,
    GRACE_S,
    LAST_INTERVAL_S,
    NAMES_PER_CALL,
    BatchExecutor,
)
from foa.executors.scheduler import (
    QUEUE_MEMORY_S,
    JobRecord,
    NoAnswer,
    Phase,
    Rejected,
    Submitted,
    Unsure,
)
from foa_stage.jobs import Completed, Died, JobState, Resources
from foa_stage.tree import Report, Work

RESOURCES = Resources(memory_mib=100, time_limit_s=60)


class ScriptedClient:
    """Says what a test wrote into `queue`, `accounting` and `answers`, and notes what it is asked.

    Parts of the scheduler named in `away` give no answer.
    """

    def __init__(self):
        self.queue, self.accounting, self.answers = [], [], []
        self.away, self.calls = set(), []

    def submit(self, job):
        self.calls.append(("submit", job.name))
        return self.answers.pop(0) if self.answers else Submitted("1")

    def queued(self, jobs):
        self._note("queued", jobs)
        return self.queue

    def accounted(self, jobs, since):
        self._note("accounted", jobs)
        return self.accounting

    def check(self):
        return "jobs are accepted"

    def _note(self, what, jobs):
        self.calls.append((what, *(job.name for job in jobs)))
        if what in self.away:
            raise NoAnswer(f"{what} is away")

    def count(self, what):
        return sum(call[0] == what for call in self.calls)


class Clock:
    """Starts now, as files' times do, and goes on when told."""

    def __init__(self):
        self.now = time.time()

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


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
def job(tmp_path):
    return Job("foa-test-1", ("true",), tmp_path / "work/attempt-1", RESOURCES)


@pytest.fixture
def tell(executor, clock):
    """Let so much time pass that the scheduler is asked again; returns what has ended."""

    def endings(seconds=LAST_INTERVAL_S):
        clock.advance(seconds)
        return executor.endings()

    return endings


def record(job, phase=Phase.RUNNING, **fields):
    return JobRecord("1", job.name, phase, directory=str(job.directory), **fields)


def ended(job, state=None, **fields):
    return record(job, Phase.ENDED, state=state, **fields)


def test_a_job_is_submitted_once(executor, client, job):
    executor.submit(job)
    executor.submit(job)
    assert client.count("submit") == 1
    assert executor.running() == [job.name]


def test_the_script_executes_its_arguments(executor, job):
    executor.submit(job)
    assert (job.directory / "job.sh").read_text().splitlines()[-1] == 'exec "$@"'


def test_a_new_job_is_not_looked_up_in_the_accounting(executor, client, job):
    executor.submit(job)
    assert [call[0] for call in client.calls] == ["queued", "submit"]


def test_another_executor_finds_the_job_and_submits_no_second(executor, client, clock, job):
    executor.submit(job)
    client.accounting = [ended(job, elapsed_s=7)]
    another = BatchExecutor(client, clock=clock)
    another.submit(job)
    assert another.running() == [job.name]
    assert another.endings() == [Completed(job.name, 7)]
    assert client.count("submit") == 1


def test_a_job_of_the_same_name_in_another_tree_is_another_job(executor, client, job, tmp_path):
    client.queue = [record(replace(job, directory=tmp_path / "elsewhere/attempt-1"))]
    executor.submit(job)
    assert client.count("submit") == 1


def test_the_ending_of_a_job_in_another_tree_is_not_ours(executor, client, job, tell, tmp_path):
    executor.submit(job)
    client.accounting = [ended(replace(job, directory=tmp_path / "elsewhere/attempt-1"))]
    assert tell() == []
    assert executor.running() == [job.name]


def test_a_lost_reply_does_not_make_a_second_job(executor, client, job, tell):
    client.answers = [Unsure("no reply")]
    executor.submit(job)
    assert executor.running() == []
    client.queue = [record(job)]
    assert tell() == []
    assert executor.running() == [job.name]
    assert client.count("submit") == 1


def test_a_submission_that_never_arrived_is_made_again(executor, client, job, tell):
    client.answers = [Unsure("no reply")]
    executor.submit(job)
    assert tell() == []
    assert client.count("submit") == 2
    assert executor.running() == [job.name]


def test_a_scheduler_that_is_away_delays_the_submission(executor, client, job, tell):
    client.away = {"queued"}
    executor.submit(job)
    assert tell() == []
    assert client.count("submit") == 0
    client.away = set()
    assert tell() == []
    assert client.count("submit") == 1


def test_a_rejected_job_has_died_of_the_schedulers_reason(executor, client, job):
    client.answers = [Rejected("no such account")]
    executor.submit(job)
    assert executor.endings() == [Died(job.name, JobState.REJECTED, reason="no such account")]
    assert executor.running() == []


def test_a_report_is_noticed_without_asking_the_scheduler(executor, client, job):
    executor.submit(job)
    client.calls.clear()
    Work("test", "key", job.directory.parent).write_report(
        Report(outcome="done", exit_code=0, wall_s=3)
    )
    assert executor.endings() == [Completed(job.name, 3)]
    assert client.calls == []


def test_a_reported_failure_keeps_exit_code_memory_and_time(executor, job):
    executor.submit(job)
    report = Report(outcome="failed", exit_code=3, peak_memory_mib=50, wall_s=2)
    Work("test", "key", job.directory.parent).write_report(report)
    assert executor.endings() == [Died(job.name, JobState.FAILED, 3, 50, 2)]


def test_a_job_that_completed_has_ended_at_once(executor, client, job, tell):
    executor.submit(job)
    client.accounting = [ended(job, elapsed_s=9)]
    assert tell() == [Completed(job.name, 9)]
    assert executor.running() == []


def test_a_job_unknown_for_longer_than_the_grace_is_lost(executor, client, clock, job, tell):
    executor.submit(job)
    assert tell(GRACE_S) == []
    assert tell(LAST_INTERVAL_S) == [Died(job.name, JobState.LOST)]
    assert client.count("submit") == 1


def test_a_job_that_was_seen_meanwhile_is_not_lost(executor, client, job, tell):
    executor.submit(job)
    client.queue = [record(job)]
    assert tell(GRACE_S) == []
    client.queue = []
    assert tell(GRACE_S) == []
    assert tell(LAST_INTERVAL_S) == [Died(job.name, JobState.LOST)]


def test_a_job_is_not_lost_while_nobody_answers(executor, client, job, tell):
    executor.submit(job)
    client.away = {"queued"}
    assert tell(GRACE_S) == []
    assert tell(GRACE_S) == []
    assert executor.running() == [job.name]


def test_a_bad_ending_is_believed_when_it_stays(executor, client, job, tell):
    executor.submit(job)
    facts = {"exit_code": 3, "host": "n1", "peak_memory_mib": 40, "elapsed_s": 8}
    client.accounting = [ended(job, JobState.FAILED, **facts)]
    assert tell() == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.FAILED, 3, 40, 8, "n1")]


def test_a_bad_ending_that_is_told_again_too_early_is_not_believed(client, clock, job):
    executor = BatchExecutor(client, first_interval_s=1, clock=clock)
    executor.submit(job)
    client.accounting = [ended(job, JobState.FAILED)]
    for seconds in (10, BELIEF_S / 2):
        clock.advance(seconds)
        assert executor.endings() == []
    clock.advance(BELIEF_S / 2)
    assert executor.endings() == [Died(job.name, JobState.FAILED, 0)]


def test_a_bad_ending_that_changes_is_waited_for_again(executor, client, job, tell):
    executor.submit(job)
    client.accounting = [ended(job, JobState.FAILED, exit_code=0)]
    assert tell() == []
    client.accounting = [ended(job, JobState.FAILED, exit_code=3)]
    assert tell(BELIEF_S) == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.FAILED, 3)]


def test_a_bad_ending_of_a_job_that_lives_is_forgotten(executor, client, job, tell):
    executor.submit(job)
    client.accounting = [ended(job, JobState.NODE_FAIL)]
    assert tell() == []
    client.queue = [record(job)]
    assert tell(BELIEF_S) == []
    client.queue = []
    assert tell() == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.NODE_FAIL, 0)]


def test_the_newest_of_several_records_counts(executor, client, job, tell):
    executor.submit(job)
    old, new = ended(job, JobState.NODE_FAIL, submitted=10), ended(job, submitted=20, elapsed_s=4)
    client.accounting = [new, old]
    assert tell() == [Completed(job.name, 4)]


def test_a_live_job_of_the_queue_goes_before_an_ended_one_of_the_accounting(
    executor, client, job, tell
):
    executor.submit(job)
    client.accounting, client.queue = [ended(job)], [record(job, Phase.QUEUED)]
    assert tell() == []
    assert executor.running() == [job.name]


def test_how_a_job_ended_waits_for_the_accounting(executor, client, job, tell):
    executor.submit(job)
    client.queue = [record(job, Phase.ENDING)]
    assert tell() == []
    assert tell(10 * GRACE_S) == []
    client.accounting = [ended(job, elapsed_s=5)]
    assert tell() == [Completed(job.name, 5)]


def test_while_the_accounting_is_away_the_queues_memory_is_enough(client, clock, job):
    BatchExecutor(client, clock=clock).submit(job)
    client.away, client.queue = {"accounted"}, [record(job, Phase.ENDING)]
    clock.advance(QUEUE_MEMORY_S / 2)
    another = BatchExecutor(client, clock=clock)
    another.submit(job)
    assert another.running() == [job.name]
    assert client.count("submit") == 1


def test_a_job_older_than_the_queues_memory_needs_the_accounting(client, clock, job):
    BatchExecutor(client, clock=clock).submit(job)
    client.away = {"accounted"}
    clock.advance(QUEUE_MEMORY_S)
    another = BatchExecutor(client, clock=clock)
    another.submit(job)
    assert another.endings() == []
    assert client.count("submit") == 1
    client.away, client.accounting = set(), [ended(job)]
    clock.advance(LAST_INTERVAL_S)
    assert another.endings() == [Completed(job.name)]


def test_silent_jobs_are_asked_for_ever_more_seldom(executor, client, clock, job):
    executor.submit(job)
    client.queue, client.calls, asked = [record(job)], [], []
    for second in range(600):
        executor.endings()
        if client.count("queued") > len(asked):
            asked.append(second)
        clock.advance(1)
    intervals = [later - earlier for earlier, later in pairwise(asked)]
    assert asked[0] == FIRST_INTERVAL_S
    assert intervals == sorted(intervals)
    assert intervals[-1] == LAST_INTERVAL_S


def test_the_scheduler_is_not_asked_without_jobs(executor, client, tell):
    assert tell() == []
    assert client.calls == []


def test_many_jobs_are_asked_for_in_lots(executor, client, tell, tmp_path):
    for number in range(NAMES_PER_CALL + 1):
        name = f"foa-test-{number}"
        executor.submit(Job(name, ("true",), tmp_path / name / "attempt-1", RESOURCES))
    client.calls.clear()
    assert tell() == []
    lots = [len(call) - 1 for call in client.calls if call[0] == "queued"]
    assert lots == [NAMES_PER_CALL, 1]


@pytest.mark.parametrize(
    "module", ["batch", "client", "port", "scheduler", "settings", "transport"]
)
def test_no_word_of_a_scheduler_is_known_outside_its_folder(module, repository):
    text = (repository / f"shared/foa/src/foa/executors/{module}.py").read_text().lower()
    assert not [word for word in ("slurm", "sbatch", "squeue", "sacct") if word in text]


def test_a_steady_flow_of_submissions_does_not_put_off_the_look_for_ends(
    executor, client, clock, job, tmp_path
):
    executor.submit(job)
    client.accounting = [ended(job)]
    for number in range(3 * int(FIRST_INTERVAL_S)):
        clock.advance(1)
        another = Job(f"foa-test-{number}0", ("true",), tmp_path / f"{number}/attempt-1", RESOURCES)
        executor.submit(another)
        if executor.endings() == [Completed(job.name)]:
            return
    pytest.fail("nobody looked while jobs were submitted")
