"""The life of a piece of work: found done, submitted once, concluded by how its job ended."""

import pytest

from foa.service.life import ReportNotSeen, WorkLife, WorkRecord
from foa_stage.jobs import Completed, Died, JobState, Resources
from foa_stage.manifests import Target
from foa_stage.tree import Report, RunTree
from foa_testing.fakes.scripted_executor import ScriptedExecutor

RESOURCES = Resources(memory_mib=100, time_limit_s=10)


class Runtime:
    software = "1"

    def command(self, request, scratch, reads=()):
        return ("stage", str(request))


@pytest.fixture
def executor():
    return ScriptedExecutor()


@pytest.fixture
def life(executor):
    return WorkLife(executor, priority=3, report_patience_s=0)


@pytest.fixture
def record(tmp_path):
    work = RunTree(tmp_path).work("dl2-converter", "0123456789abcdef")
    return WorkRecord(work, Target(name="x", ra=1, dec=2), Runtime(), RESOURCES)


def test_new_work_is_submitted_with_its_request_resources_and_priority(life, executor, record):
    assert life.find_or_submit(record) is None
    (job,) = executor.submitted
    assert job.command == ("stage", str(record.work.request))
    assert (job.resources, job.priority) == (RESOURCES, 3)
    assert b'"ra":1.0' in record.work.request.read_bytes()


def test_work_that_is_done_is_found(life, executor, record):
    record.work.write_report(Report(outcome="done", exit_code=0))
    assert life.find_or_submit(record).outcome == "done"
    assert executor.submitted == []


def test_work_under_way_is_the_same_attempt_again(life, executor, record):
    life.find_or_submit(record)
    life.find_or_submit(record)
    assert [attempt.number for attempt in record.work.attempts()] == [1]
    assert len(executor.submitted) == 1


def test_work_whose_job_ended_well_is_not_begun_again_before_its_report_is_seen(executor, record):
    patient = WorkLife(executor, priority=3, report_patience_s=3600)
    patient.find_or_submit(record)
    (attempt,) = record.work.attempts()
    attempt.record_ending(None)  # by a replica that saw the report
    with pytest.raises(ReportNotSeen, match="ended well, and its report is not seen yet"):
        patient.find_or_submit(record)
    record.work.write_report(Report(outcome="done", exit_code=0))
    assert patient.find_or_submit(record).outcome == "done"
    assert record.work.attempts() == [attempt]


def test_work_whose_report_does_not_come_is_done_again(life, executor, record):
    life.find_or_submit(record)
    (attempt,) = record.work.attempts()
    attempt.record_ending(None)
    assert life.find_or_submit(record) is None
    assert [attempt.number for attempt in record.work.attempts()] == [1, 2]


def test_a_completed_job_without_a_report_has_failed(life, executor, record):
    life.find_or_submit(record)
    (attempt,) = record.work.attempts()
    _, report = life.conclude(record, Completed(attempt.name), attempt)
    assert (report.outcome, report.exit_code) == ("failed", 1)
    assert attempt.ended
    assert record.work.last_report() == report


def test_a_death_is_followed_by_another_attempt_until_the_table_gives_up(life, executor, record):
    life.find_or_submit(record)
    for number, more in ((1, True), (2, False)):
        attempt = record.work.attempts()[-1]
        _, report = life.conclude(record, Died(attempt.name, JobState.FAILED, 1), attempt)
        assert (report is None) is more
        assert attempt.number == number
    assert "after 2 attempts" in report.reason


def test_what_a_stage_reported_counts_though_its_job_died(life, record):
    life.find_or_submit(record)
    (attempt,) = record.work.attempts()
    (attempt.directory / "err").write_text("the end of the log")
    record.work.write_report(Report(outcome="failed", exit_code=3, reason="truncated"))
    _, report = life.conclude(record, Died(attempt.name, JobState.FAILED, 3), attempt)
    assert (report.reason, report.log_tail) == ("truncated", "the end of the log")


@pytest.mark.parametrize(("outcome", "code"), [("done", 0), ("failed", 3)])
def test_work_that_ended_while_nobody_watched_is_concluded_when_it_is_found(
    life, executor, record, outcome, code
):
    life.find_or_submit(record)
    (attempt,) = record.work.attempts()
    record.work.write_report(Report(outcome=outcome, exit_code=code))
    assert life.find_or_submit(record).outcome == outcome
    assert attempt.ended
    death = attempt.death()
    assert (death.exit_code if death else 0) == code


def test_a_daemon_killed_between_a_death_and_what_follows_from_it_goes_on_from_there(
    life, executor, record
):
    life.find_or_submit(record)
    (attempt,) = record.work.attempts()
    attempt.record_ending(Died(attempt.name, JobState.OUT_OF_MEMORY))
    assert life.find_or_submit(record) is None
    assert executor.submitted[-1].resources.memory_mib == int(1.5 * RESOURCES.memory_mib)
    again = record.work.attempts()[-1]
    again.record_ending(Died(again.name, JobState.FAILED, exit_code=3))
    assert life.find_or_submit(record).outcome == "failed"


def test_a_retry_that_was_broken_off_is_made_when_it_is_heard_again(life, record, monkeypatch):
    record.work.write_report(Report(outcome="failed", exit_code=3))

    def break_off(work):
        raise OSError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(type(record.work), "forget", break_off)
        with pytest.raises(OSError, match="killed here"):
            record.work.retry("a")
    assert record.work.last_report() is not None
    assert life.find_or_submit(record, retry_for="a") is None
