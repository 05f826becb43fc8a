"""The batch executor with a scripted client and clock: one job per name, whatever goes wrong."""

from dataclasses import replace
from itertools import pairwise

import pytest

from foa.executors.batch import BatchExecutor
from foa.executors.batch.executor import BELIEF_S, GRACE_S
from foa.executors.batch.lookup import NAMES_PER_CALL
from foa.executors.batch.pace import FIRST_INTERVAL_S, LAST_INTERVAL_S
from foa.executors.scheduler import (
    QUEUE_MEMORY_S,
    Deferred,
    Phase,
    Rejected,
    Unsure,
)
from foa.executors.script import STARTED_AGAIN
from foa_stage.jobs import Completed, Died, JobState
from foa_stage.tree import Report, Work
from foa_testing.fakes.scripted_scheduler import intend, record_of, submit


def claim(job, job_id="1"):
    """Claim the attempt, as the job's script does."""
    (job.directory / "claim").symlink_to(f"{job_id}/host/17")


def ended(job, state=None, **fields):
    return record_of(job, Phase.ENDED, state=state, **fields)


def test_a_job_is_submitted_once(executor, client, job):
    submit(executor, job, job)
    submit(executor, job)
    assert client.count("submit") == 1
    assert executor.running() == [job.name]


def test_the_script_executes_its_arguments(executor, job):
    submit(executor, job)
    assert (job.directory / "job.sh").read_text().splitlines()[-1] == 'exec "$@"'


def test_a_new_job_is_not_looked_up(executor, client, job):
    submit(executor, job)
    assert [call[0] for call in client.calls] == ["submit"]


def test_another_executor_finds_the_job_and_submits_no_second(executor, client, clock, job):
    submit(executor, job)
    client.queue = [record_of(job)]
    another = BatchExecutor(client, clock=clock)
    assert submit(another, job) == []
    assert another.running() == [job.name]
    assert client.count("submit") == 1


def test_another_executor_finds_how_the_job_ended(executor, client, clock, job):
    submit(executor, job)
    claim(job)
    client.accounting = [ended(job, elapsed_s=7)]
    another = BatchExecutor(client, clock=clock)
    assert submit(another, job) == [Completed(job.name, 7)]
    assert client.count("submit") == 1


def test_a_job_of_the_same_name_in_another_tree_is_another_job(executor, client, job, tmp_path):
    client.queue = [record_of(replace(job, directory=tmp_path / "elsewhere/attempt-1"))]
    submit(executor, job)
    assert client.count("submit") == 1


def test_the_ending_of_a_job_in_another_tree_is_not_ours(executor, client, job, tell, tmp_path):
    submit(executor, job)
    claim(job)
    client.accounting = [ended(replace(job, directory=tmp_path / "elsewhere/attempt-1"))]
    assert tell() == []
    assert executor.running() == [job.name]


def test_a_lost_reply_does_not_make_a_second_job(executor, client, job, tell):
    client.answers = [Unsure("no reply")]
    submit(executor, job)
    assert executor.running() == []
    client.queue = [record_of(job)]
    assert tell() == []
    assert executor.running() == [job.name]
    assert client.count("submit") == 1


def test_a_submission_that_never_arrived_is_made_again(executor, client, job, tell):
    client.answers = [Unsure("no reply")]
    submit(executor, job)
    assert tell() == []
    assert client.count("submit") == 2
    assert executor.running() == [job.name]


def test_a_scheduler_that_is_away_delays_the_submission(executor, client, job, tell):
    intend([job])
    client.away = {"queued"}
    submit(executor, job)
    assert tell() == []
    assert client.count("submit") == 0
    client.away = set()
    assert [*tell(), *tell()] == []
    assert client.count("submit") == 1


def test_a_rejected_job_has_died_of_the_schedulers_reason(executor, client, job):
    client.answers = [Rejected("no such account")]
    assert submit(executor, job) == [Died(job.name, JobState.REJECTED, reason="no such account")]
    assert executor.running() == []


def test_a_report_is_noticed_without_asking_the_scheduler(executor, client, job):
    submit(executor, job)
    client.calls.clear()
    Work("test", "key", job.directory.parent).write_report(
        Report(outcome="done", exit_code=0, wall_s=3)
    )
    assert executor.endings() == [Completed(job.name, 3)]
    assert client.calls == []


def test_a_reported_failure_keeps_exit_code_memory_and_time(executor, job):
    submit(executor, job)
    report = Report(outcome="failed", exit_code=3, peak_memory_mib=50, wall_s=2)
    Work("test", "key", job.directory.parent).write_report(report)
    assert executor.endings() == [Died(job.name, JobState.FAILED, 3, 50, 2)]


def test_a_job_that_completed_has_ended_at_once(executor, client, job, tell):
    submit(executor, job)
    claim(job)
    client.accounting = [ended(job, elapsed_s=9)]
    assert tell() == [Completed(job.name, 9)]
    assert executor.running() == []


def test_a_job_unknown_for_longer_than_the_grace_is_lost(executor, client, clock, job, tell):
    submit(executor, job)
    assert tell(GRACE_S) == []
    assert tell(LAST_INTERVAL_S) == [Died(job.name, JobState.LOST)]
    assert client.count("submit") == 1


def test_a_clock_that_is_set_loses_no_job_and_puts_no_question_off(
    executor, client, clock, job, tell
):
    submit(executor, job)
    client.calls.clear()
    for step in (3600, -7200):
        clock.step(step)
        assert tell(LAST_INTERVAL_S) == []
    assert client.count("queued") == 2


def test_a_bad_ending_is_believed_in_time_though_the_clock_is_set_back(
    executor, client, clock, job, tell
):
    submit(executor, job)
    client.accounting = [ended(job, JobState.FAILED)]
    assert tell() == []
    clock.step(-3600)
    assert tell(BELIEF_S) == [Died(job.name, JobState.FAILED, 0)]


def test_a_job_that_was_seen_meanwhile_is_not_lost(executor, client, job, tell):
    submit(executor, job)
    client.queue = [record_of(job)]
    assert tell(GRACE_S) == []
    client.queue = []
    assert tell(GRACE_S) == []
    assert tell(LAST_INTERVAL_S) == [Died(job.name, JobState.LOST)]


def test_a_job_is_not_lost_while_nobody_answers(executor, client, job, tell):
    submit(executor, job)
    client.away = {"queued"}
    assert tell(GRACE_S) == []
    assert tell(GRACE_S) == []
    assert executor.running() == [job.name]


def test_a_bad_ending_is_believed_when_it_stays(executor, client, job, tell):
    submit(executor, job)
    facts = {"exit_code": 3, "host": "n1", "peak_memory_mib": 40, "elapsed_s": 8}
    client.accounting = [ended(job, JobState.FAILED, **facts)]
    assert tell() == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.FAILED, 3, 40, 8, "n1")]


def test_a_bad_ending_that_is_told_again_too_early_is_not_believed(client, clock, job):
    executor = BatchExecutor(client, first_interval_s=1, clock=clock)
    submit(executor, job)
    client.accounting = [ended(job, JobState.FAILED)]
    for seconds in (10, BELIEF_S / 2):
        clock.advance(seconds)
        assert executor.endings() == []
    clock.advance(BELIEF_S / 2)
    assert executor.endings() == [Died(job.name, JobState.FAILED, 0)]


def test_a_bad_ending_that_changes_is_waited_for_again(executor, client, job, tell):
    submit(executor, job)
    client.accounting = [ended(job, JobState.FAILED, exit_code=0)]
    assert tell() == []
    client.accounting = [ended(job, JobState.FAILED, exit_code=3)]
    assert tell(BELIEF_S) == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.FAILED, 3)]


def test_a_bad_ending_of_a_job_that_lives_is_forgotten(executor, client, job, tell):
    submit(executor, job)
    client.accounting = [ended(job, JobState.NODE_FAIL)]
    assert tell() == []
    client.queue = [record_of(job)]
    assert tell(BELIEF_S) == []
    client.queue = []
    assert tell() == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.NODE_FAIL, 0)]


def test_the_newest_of_several_records_counts(executor, client, job, tell):
    submit(executor, job)
    old, new = ended(job, JobState.NODE_FAIL, submitted=10), ended(job, submitted=20, elapsed_s=4)
    claim(job)
    client.accounting = [new, old]
    assert tell() == [Completed(job.name, 4)]


def test_a_live_job_of_the_queue_goes_before_an_ended_one_of_the_accounting(
    executor, client, job, tell
):
    submit(executor, job)
    client.accounting, client.queue = [ended(job)], [record_of(job, Phase.QUEUED)]
    assert tell() == []
    assert executor.running() == [job.name]


def test_how_a_job_ended_waits_for_the_accounting(executor, client, job, tell):
    submit(executor, job)
    client.queue = [record_of(job, Phase.ENDING)]
    assert tell() == []
    assert tell(10 * GRACE_S) == []
    claim(job)
    client.accounting = [ended(job, elapsed_s=5)]
    assert tell() == [Completed(job.name, 5)]


def test_while_the_accounting_is_away_the_queues_memory_is_enough(client, clock, job):
    submit(BatchExecutor(client, clock=clock), job)
    client.away, client.queue = {"accounted"}, [record_of(job, Phase.ENDING)]
    clock.advance(QUEUE_MEMORY_S / 2)
    another = BatchExecutor(client, clock=clock)
    submit(another, job)
    assert another.running() == [job.name]
    assert client.count("submit") == 1


def test_a_job_older_than_the_queues_memory_needs_the_accounting(client, clock, job):
    submit(BatchExecutor(client, clock=clock), job)
    client.away = {"accounted"}
    clock.advance(QUEUE_MEMORY_S)
    another = BatchExecutor(client, clock=clock)
    submit(another, job)
    assert another.endings() == []
    assert client.count("submit") == 1
    claim(job)
    client.away, client.accounting = set(), [ended(job)]
    clock.advance(LAST_INTERVAL_S)
    assert another.endings() == [Completed(job.name)]


def test_silent_jobs_are_asked_for_ever_more_seldom(executor, client, clock, job):
    submit(executor, job)
    client.queue, client.calls, asked = [record_of(job)], [], []
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


def test_many_jobs_are_asked_for_in_lots(executor, client, tell, jobs):
    for job in jobs(NAMES_PER_CALL + 1):
        executor.submit(job)
    while len(executor.running()) <= NAMES_PER_CALL:
        executor.endings()
    client.calls.clear()
    assert tell() == []
    lots = [len(call) - 1 for call in client.calls if call[0] == "queued"]
    assert lots == [NAMES_PER_CALL, 1]


def test_no_word_of_a_scheduler_is_known_outside_its_folder(repository):
    home = repository / "shared/foa/src/foa/executors"
    neutral = [path for path in home.glob("*.py") if path.stem != "__init__"]
    for path in (*neutral, *home.glob("batch/*.py")):
        text = path.read_text().lower()
        assert not [word for word in ("slurm", "sbatch", "squeue", "sacct") if word in text], path


def test_a_job_ends_as_the_one_that_claimed_it_whatever_others_did(executor, client, job, tell):
    submit(executor, job)
    claim(job, "1")
    idle = replace(ended(job, submitted=20), job_id="2")
    client.accounting, client.queue = [idle], [record_of(job)]
    assert tell() == []
    client.accounting, client.queue = [idle, ended(job, JobState.FAILED, exit_code=3)], []
    assert tell() == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.FAILED, 3)]


def test_a_second_job_that_never_started_does_not_keep_a_claimed_attempt_alive(
    executor, client, job, tell
):
    submit(executor, job)
    claim(job, "1")
    client.queue = [replace(record_of(job, Phase.QUEUED), job_id="2")]
    client.accounting = [ended(job, JobState.NODE_FAIL, host="n1")]
    assert tell() == []
    assert tell(BELIEF_S) == [Died(job.name, JobState.NODE_FAIL, 0, host="n1")]


def test_a_job_that_completed_without_a_claim_waits_for_it_to_be_seen(executor, client, job, tell):
    submit(executor, job)
    client.accounting = [ended(job, elapsed_s=4)]
    assert tell() == []
    claim(job)
    assert tell() == [Completed(job.name, 4)]


def test_a_job_that_completed_and_never_claimed_its_attempt_is_lost(executor, client, job, tell):
    submit(executor, job)
    client.accounting = [ended(job)]
    assert tell(GRACE_S) == []
    assert tell() == [Died(job.name, JobState.LOST)]


def test_a_steady_flow_of_submissions_does_not_put_off_the_look_for_ends(
    executor, client, clock, jobs
):
    job, *others = jobs(1 + 3 * int(FIRST_INTERVAL_S))
    submit(executor, job)
    claim(job)
    client.accounting = [ended(job)]
    for another in others:
        clock.advance(1)
        executor.submit(another)
        if executor.endings() == [Completed(job.name)]:
            return
    pytest.fail("nobody looked while jobs were submitted")


def test_a_job_that_was_not_submitted_yet_is_cancelled_at_once(executor, client, job):
    executor.submit(job)
    executor.cancel(job.name)
    (ending,) = executor.endings()
    assert (ending.name, ending.state) == (job.name, JobState.CANCELLED)
    assert client.submitted() == []


def test_a_job_that_the_scheduler_has_is_ended_by_it(executor, client, job, tell):
    submit(executor, job)
    client.queue = [record_of(job)]
    executor.cancel(job.name)
    assert executor.endings() == []
    assert ("cancel", job.name) in client.calls
    client.queue, client.accounting = [], [ended(job, JobState.CANCELLED)]
    claim(job)
    (ending,) = [one for _ in range(2) for one in tell()]
    assert ending.state is JobState.CANCELLED


def test_a_cancellation_is_asked_for_again_when_the_scheduler_did_not_answer(
    executor, client, clock, job
):
    submit(executor, job)
    client.away, client.queue = {"queued"}, [record_of(job)]
    executor.cancel(job.name)
    executor.endings()
    assert client.count("cancel") == 0
    client.away = set()
    clock.advance(10)
    executor.endings()
    assert client.count("cancel") == 1


def test_a_cancelled_job_that_the_scheduler_never_took_is_not_submitted_again(
    executor, client, clock, job
):
    client.always = Deferred("limit reached")
    executor.submit(job)
    executor.endings()
    executor.cancel(job.name)
    (ending,) = executor.endings()
    assert ending.state is JobState.CANCELLED
    clock.advance(1000)
    executor.endings()
    assert len(client.submitted()) == 1


def test_a_job_that_a_host_got_and_never_began_is_lost(executor, client, job, tell):
    submit(executor, job)
    client.accounting = [ended(job, JobState.CANCELLED, host="cp3")]
    (ending,) = [one for _ in range(2) for one in tell()]
    assert ending.state is JobState.LOST


def test_a_waiting_job_that_somebody_cancelled_was_cancelled(executor, client, job, tell):
    submit(executor, job)
    client.accounting = [ended(job, JobState.CANCELLED)]
    (ending,) = [one for _ in range(2) for one in tell()]
    assert ending.state is JobState.CANCELLED


def test_a_job_that_began_and_was_cancelled_was_cancelled(executor, client, job, tell):
    submit(executor, job)
    claim(job)
    client.accounting = [ended(job, JobState.CANCELLED, host="cp3", elapsed_s=60)]
    (ending,) = [one for _ in range(2) for one in tell()]
    assert ending.state is JobState.CANCELLED


def test_a_job_that_ended_was_started_again_and_cancelled_by_its_host_is_lost(
    executor, client, job, tell
):
    submit(executor, job)
    claim(job)
    client.accounting = [ended(job, JobState.CANCELLED, host="cp3", elapsed_s=0)]
    (ending,) = [one for _ in range(2) for one in tell()]
    assert ending.state is JobState.LOST


def test_a_job_that_says_it_was_started_before_is_lost(executor, client, job, tell):
    submit(executor, job)
    claim(job)
    client.accounting = [ended(job, JobState.FAILED, host="cp3", exit_code=STARTED_AGAIN)]
    (ending,) = [one for _ in range(2) for one in tell()]
    assert ending.state is JobState.LOST
