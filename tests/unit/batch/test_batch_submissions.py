"""Submissions of the batch executor: refusals are waited out, many jobs need few commands."""

import errno
import os
import threading
from dataclasses import replace
from itertools import pairwise

import pytest

from foa.executors.batch import BatchExecutor
from foa.executors.batch.executor import SUBMITTING_S
from foa.executors.batch.submissions import AT_ONCE, LOT
from foa.executors.patience import FIRST_PAUSE_S, LAST_PAUSE_S
from foa.executors.scheduler import Deferred, Rejected, Submitted, Unsure
from foa.executors.waiting import MAX_LENGTH
from foa_stage.jobs import Died, JobState
from foa_stage.tree import Report, Work
from foa_testing.fakes.scripted_scheduler import ScriptedClient, intend, record_of, submit

FULL = Deferred("job submit limit")
MANY = 1000


def submit_all(executor, jobs, limit=200):
    """Take charge of jobs, and let turns go by until all are accepted; returns the turns."""
    submit(executor, *jobs)
    for turn in range(limit):
        if len(executor.running()) == len(jobs):
            return turn
        executor.endings()
    pytest.fail(f"not all accepted within {limit} turns")


def note(job):
    path = job.directory / "waiting"
    return path.read_text() if path.exists() else None


def test_a_refused_job_is_submitted_later_and_later_and_never_fails(executor, client, clock, job):
    client.always = FULL
    executor.submit(job)
    times = []
    for second in range(3 * int(LAST_PAUSE_S)):
        assert executor.endings() == []
        if client.count("submit") > len(times):
            times.append(second)
        clock.advance(1)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_PAUSE_S
    client.always = Submitted("1")
    clock.advance(LAST_PAUSE_S)
    executor.endings()
    assert executor.running() == [job.name]


def test_a_refused_job_is_tried_in_time_though_the_clock_is_set_back(executor, client, clock, job):
    client.answers = [FULL]
    submit(executor, job)
    clock.step(-3600)
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert executor.running() == [job.name]


def test_while_jobs_are_refused_one_at_a_time_is_tried(executor, client, clock, jobs):
    client.always = FULL
    submit(executor, *jobs(2 * LOT))
    assert client.count("submit") <= AT_ONCE
    for _ in range(5):
        before = client.count("submit")
        clock.advance(LAST_PAUSE_S)
        executor.endings()
        assert client.count("submit") == before + 1


def test_when_one_is_accepted_all_go(executor, client, clock, jobs):
    client.always = FULL
    submit(executor, *jobs(LOT))
    client.always = Submitted("1")
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert len(executor.running()) == LOT


def test_a_lot_stops_at_the_first_refusal(executor, client, jobs):
    """An association's limit leaves room for some jobs: the others need not all be refused."""
    client.answers, client.always = [Submitted("1")] * 10, FULL
    submit(executor, *jobs(LOT))
    assert len(executor.running()) == 10
    assert client.count("submit") <= 10 + AT_ONCE


def test_a_job_that_is_refused_for_good_reasons_of_its_own_holds_up_no_other(
    executor, client, clock, jobs
):
    bad, *good = jobs(3)
    client.by_name = {bad.name: FULL}
    submit(executor, bad)
    for _ in range(10):  # by now its pauses are long
        clock.advance(LAST_PAUSE_S)
        executor.endings()
    clock.advance(1)
    submit(executor, *good)
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    executor.endings()
    assert executor.running() == [job.name for job in good]


def test_when_a_job_ends_there_may_be_room_for_another(executor, client, clock, jobs):
    runs, waits = jobs(2)
    submit(executor, runs)
    client.always, client.queue = FULL, [record_of(runs)]
    submit(executor, waits)
    for _ in range(10):  # by now the pauses are long
        clock.advance(LAST_PAUSE_S)
        executor.endings()
    clock.advance(1)
    client.always = Submitted("2")
    work = Work("test", "key", runs.directory.parent)
    work.write_report(Report(outcome="done", exit_code=0))
    executor.endings()
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert executor.running() == [waits.name]


def test_a_job_tells_people_why_it_waits(executor, client, job):
    client.always = FULL
    submit(executor, job)
    assert note(job) == "job submit limit\n"


def test_jobs_that_were_not_tried_tell_why_they_wait_too(executor, client, jobs):
    client.always = FULL
    waiting = jobs(2 * LOT)
    submit(executor, *waiting)
    executor.endings()
    assert {note(job) for job in waiting} == {"job submit limit\n"}


def test_what_a_job_tells_is_one_short_line(executor, client, job):
    client.always = Deferred("first\nsecond " + 1000 * "x")
    submit(executor, job)
    assert note(job).startswith("first second xxx")
    assert note(job).count("\n") == 1
    assert len(note(job)) == MAX_LENGTH + 1


@pytest.mark.parametrize("answer", [Submitted("1"), Rejected("no such account")])
def test_a_job_that_waits_no_longer_tells_nothing(executor, client, clock, job, answer):
    client.answers = [FULL, answer]
    submit(executor, job)
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert note(job) is None


def test_a_waiting_job_whose_report_comes_tells_nothing(executor, client, job):
    client.always = FULL
    submit(executor, job)
    work = Work("test", "key", job.directory.parent)
    work.write_report(Report(outcome="done", exit_code=0))
    executor.endings()
    assert note(job) is None


def test_what_an_earlier_process_told_is_removed(executor, client, clock, job):
    client.answers = [FULL]
    submit(executor, job)
    client.queue = [record_of(job)]
    submit(BatchExecutor(client, clock=clock), job)
    assert note(job) is None


def test_a_scheduler_without_an_answer_is_what_a_job_waits_for(executor, client, clock, job):
    client.answers = [Unsure("timed out")]
    submit(executor, job)
    assert note(job) == "timed out\n"
    client.away = {"queued"}
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert note(job) == "queued is away\n"


def test_after_a_doubtful_answer_a_job_is_looked_up_before_it_is_submitted_again(
    executor, client, clock, job
):
    client.answers = [Unsure("timed out")]
    submit(executor, job)
    client.calls.clear()
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert [call[0] for call in client.calls] == ["queued", "accounted", "submit"]


def test_a_refusal_for_good_ends_the_job_and_holds_up_no_other(executor, client, jobs):
    bad, good = jobs(2)
    client.by_name = {bad.name: Rejected("no such partition")}
    ended = submit(executor, bad, good)
    assert ended == [Died(bad.name, JobState.REJECTED, reason="no such partition")]
    assert executor.running() == [good.name]


def test_new_jobs_take_one_command_each(executor, client, jobs):
    submit_all(executor, jobs(MANY))
    assert len(client.calls) == MANY


def test_a_turn_submits_until_a_second_has_passed(clock, jobs):
    class Slow(ScriptedClient):
        def submit(self, job):
            clock.advance(SUBMITTING_S / LOT / 2)
            return super().submit(job)

    executor = BatchExecutor(Slow(), clock=clock)
    submit(executor, *jobs(3 * LOT))
    assert len(executor.running()) == 2 * LOT


def test_several_submissions_are_under_way_at_once(clock, jobs):
    together = threading.Barrier(AT_ONCE)

    class Meeting(ScriptedClient):
        def submit(self, job):
            together.wait(timeout=60)
            return super().submit(job)

    submit_all(BatchExecutor(Meeting(), clock=clock), jobs(2 * AT_ONCE))


def test_a_restart_with_many_jobs_takes_a_handful_of_commands(executor, client, jobs):
    many = jobs(MANY)
    intend(many)
    client.queue = [record_of(job) for job in many]
    submit(executor, *many)
    assert len(executor.running()) == MANY
    assert len(client.calls) == 4


def test_jobs_that_were_meant_to_be_submitted_take_little_more_than_a_command_each(
    client, clock, jobs
):
    many = jobs(MANY)
    intend(many)
    submit_all(BatchExecutor(client, clock=clock), many)
    assert len(client.calls) <= 1.1 * MANY


def test_of_two_replicas_with_a_new_job_one_submits_it(executor, client, clock, job):
    another = BatchExecutor(client, clock=clock)
    another.submit(job)
    submit(executor, job)
    client.queue = [record_of(job)]
    another.endings()
    assert another.running() == [job.name]
    assert client.count("submit") == 1


def test_a_job_whose_files_cannot_be_written_waits_and_holds_up_no_other(
    executor, client, clock, jobs
):
    bad, good = jobs(2)
    bad.directory.parent.touch()  # a file where a directory should be
    submit(executor, bad, good)
    clock.advance(FIRST_PAUSE_S)
    assert executor.endings() == []
    executor.endings()
    assert executor.running() == [good.name]
    bad.directory.parent.unlink()
    clock.advance(2 * FIRST_PAUSE_S)
    executor.endings()
    assert set(executor.running()) == {bad.name, good.name}


def test_a_job_waits_when_the_disk_is_full_between_its_lock_and_its_script(
    executor, client, clock, job, monkeypatch
):
    def refuse(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", refuse)
        assert submit(executor, job) == []
    assert (job.directory / "job.lock").exists()
    assert client.submitted() == []
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert client.submitted() == executor.running() == [job.name]


def test_of_jobs_that_wait_the_one_of_highest_priority_is_tried_first(
    executor, client, clock, jobs
):
    client.always = FULL
    refused, low, high = jobs(3)
    submit(executor, refused)
    submit(executor, replace(low, priority=1), replace(high, priority=2))
    client.calls.clear()
    clock.advance(FIRST_PAUSE_S)
    executor.endings()
    assert client.submitted() == [high.name]
