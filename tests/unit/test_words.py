"""What people say is obeyed by every service, kept, and survives restarts."""

import json
import math
from datetime import datetime
from pathlib import Path

import pytest

from foa.cli.remarks import pauses_of, remarks_on
from foa.pipeline.progress import progress_of
from foa_selector import plan as selector
from foa_stage.jobs import Completed, Died, JobState
from foa_stage.manifests import (
    ManifestRejected,
    RequestCancelled,
    RequestCommented,
    RequestHeld,
    RequestPinned,
    RequestSubmitted,
    Said,
    ServiceHeld,
    Veto,
    read_message,
    write_manifest,
)
from foa_stage.tree import Report, RunTree
from foa_testing.fakes import factories

REQUEST = factories.make_request()
SAID = Said(who="shifter", when=factories.request_submitted().said.when, why="dome closed")
CANCELLED = RequestCancelled(request=REQUEST, said=SAID)


def held(value, who="shifter"):
    return RequestHeld(request=REQUEST, held=value, said=SAID.model_copy(update={"who": who}))


def service_held(value, service=""):
    return ServiceHeld(service=service, held=value, said=SAID)


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path)


@pytest.mark.parametrize(
    ("pause", "resume"),
    [
        (held(True), held(False)),
        (service_held(True), service_held(False)),
        (service_held(True, "dl2-converter"), service_held(False, "dl2-converter")),
    ],
)
def test_a_pause_holds_submissions_until_it_ends_also_over_a_restart(bench, pause, resume):
    bench.tell(pause)
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    bench.restart()
    bench.resume()
    assert bench.executor.submitted == []
    bench.tell(resume)
    assert len(bench.executor.submitted) == 1
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_pause_of_another_service_holds_nothing(bench):
    bench.tell(service_held(True, "analyzer"))
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_a_pause_that_another_replica_heard_holds_too(bench):
    bench.tree.record(held(True))
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    bench.tree.record(held(False))
    bench.loop._looked = -math.inf  # another look is due
    for _ in range(2):
        bench.loop.turn(())
    assert len(bench.executor.submitted) == 1


def test_what_is_held_of_a_cancelled_request_is_let_go(bench):
    bench.tree.record(factories.request_submitted())
    bench.tell(held(True))
    bench.tell(factories.run_selected())
    assert len(bench.tree.pending("dl2-converter")) == 1
    bench.tell(CANCELLED)
    assert len(bench.tree.pending("dl2-converter")) == 0
    assert bench.executor.submitted == []


def test_a_cancelled_request_has_its_jobs_ended_and_says_nothing_more(bench):
    bench.tree.record(factories.request_submitted())
    bench.tell(factories.run_selected())
    bench.tell(CANCELLED)
    (ending,) = bench.executor.endings()
    assert ending.state is JobState.CANCELLED
    bench.loop.turn([ending])
    bench.deliver()
    assert (bench.said, bench.loop.under_way()) == ([], [])
    assert len(bench.tree.pending("dl2-converter")) == 0
    progress = progress_of(bench.tree, REQUEST.id)
    assert (progress.phase, progress.finished) == ("cancelled", True)


def test_what_is_told_of_a_cancelled_request_is_not_worked_on(bench):
    bench.tree.record(factories.request_submitted())
    bench.tell(CANCELLED)
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []


def test_a_job_that_another_request_waits_for_is_not_cancelled(bench):
    other = factories.make_request(factories.CRAB.model_copy(update={"name": "other"}))
    selected = factories.run_selected()
    bench.tell(selected)
    bench.tell(selected.model_copy(update={"request": other}))
    bench.tell(CANCELLED)
    assert bench.executor.endings() == []
    bench.complete()
    assert [manifest.request.id for manifest in bench.said] == [other.id]


def test_a_request_that_was_cancelled_goes_on_when_it_is_submitted_again(bench):
    bench.tree.record(factories.request_submitted())
    selected = factories.run_selected()
    bench.tell(selected)
    bench.tell(CANCELLED)
    again = factories.request_submitted(minute=1)
    bench.tree.record(again)
    bench.tell(selected.model_copy(update={"generation": again.generation}))
    bench.loop.turn([Died(bench.job.name, JobState.CANCELLED)])
    bench.executor.endings()
    assert bench.job.name.endswith("-2")
    bench.complete()
    assert [manifest.generation for manifest in bench.said] == [again.generation]


def test_a_manifest_of_an_earlier_submission_is_not_worked_on(bench):
    for minute in (0, 1):
        bench.tree.record(factories.request_submitted(minute))
    bench.tree.pending("dl2-converter").put(factories.run_selected())
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    assert len(bench.tree.pending("dl2-converter")) == 0


def test_a_retry_does_failed_work_again_once_and_counts_its_attempts_anew(bench):
    bench.tree.record(factories.request_submitted())
    bench.tell(factories.run_selected())
    for _ in range(2):
        bench.die(JobState.FAILED)
    assert "after 2 attempts" in bench.said[-1].reason
    again = factories.request_submitted(minute=1).model_copy(update={"retry": True})
    bench.tree.record(again)
    told = factories.run_selected().model_copy(update={"generation": again.generation})
    bench.tell(told)
    assert bench.job.name.endswith("-3")
    bench.die(JobState.FAILED)
    assert bench.job.name.endswith("-4")
    bench.die(JobState.FAILED)
    assert "after 2 attempts" in bench.said[-1].reason
    bench.restart()
    bench.tell(told)
    assert bench.executor.submitted == []


def test_a_retry_of_one_run_leaves_the_others_as_they_are(bench):
    bench.tell(factories.run_selected(1))
    bench.tree.attempt(bench.job.name).work.write_report(Report(outcome="failed", exit_code=3))
    bench.die(JobState.FAILED, exit_code=3)
    changes = {"retry": True, "retried_run": 2}
    again = factories.request_submitted(minute=1).model_copy(update=changes)
    bench.tree.record(again)
    submitted = len(bench.executor.submitted)
    bench.tell(factories.run_selected(1).model_copy(update={"generation": again.generation}))
    assert len(bench.executor.submitted) == submitted


def test_a_vetoed_run_is_a_failed_run_that_says_who_and_why():
    runs = tuple(map(factories.make_run, (5, 7)))
    facts = selector.SelectedRuns(runs=runs, unreadable=()).model_dump(mode="json")
    report = Report(outcome="done", exit_code=0, facts=facts)
    vetoed = {"vetoes": (Veto(obs_id=7, said=SAID),)}
    submitted = factories.request_submitted().model_copy(update=vetoed)
    good, bad = selector.announce(submitted, report)
    assert (good.kind, good.obs_id, good.n_runs) == ("run.selected", 5, 2)
    assert (bad.kind, bad.obs_id) == ("run.failed", 7)
    assert bad.reason == "vetoed by shifter: dome closed"


def test_a_submission_that_is_not_accepted_says_so_where_it_is_looked_for(bench):
    foreign = factories.make_request(archive=factories.make_archive(Path("/foreign")))
    submitted = RequestSubmitted(request=foreign, inputs="0", said=SAID)
    with pytest.raises(ManifestRejected):
        bench.loop.handle(submitted)
    assert progress_of(bench.tree, submitted.request.id).phase == "failed"


def test_a_word_opens_no_generation(tree):
    submitted = factories.request_submitted()
    for word in (submitted, held(True), RequestCommented(request=REQUEST, said=SAID)):
        tree.record(word)
    assert tree.generation(REQUEST.id) == submitted.generation
    assert not tree.is_superseded(REQUEST.id, submitted.generation)


def test_words_are_shown_with_who_when_and_why(tree):
    comment = RequestCommented(request=REQUEST, said=SAID.model_copy(update={"why": "moon"}))
    for word in (factories.request_submitted(), comment, held(True), CANCELLED):
        tree.record(word)
    tree.hear_hold(service_held(True, "analyzer"))
    assert remarks_on(tree, REQUEST.id) == [
        "comment by shifter, 2024-12-06 09:00 UTC: moon",
        "paused by shifter, 2024-12-06 09:00 UTC: dome closed",
        "cancelled by shifter, 2024-12-06 09:00 UTC: dome closed",
        "analyzer: paused by shifter, 2024-12-06 09:00 UTC: dome closed",
    ]


def test_times_of_words_are_shown_in_utc(tree):
    at = SAID.model_copy(update={"when": datetime.fromisoformat("2024-12-06T01:30:00+02:00")})
    tree.record(RequestCommented(request=REQUEST, said=at))
    (remark,) = remarks_on(tree, REQUEST.id)
    assert remark == "comment by shifter, 2024-12-05 23:30 UTC: dome closed"


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_word_of_another_age_is_no_manifest(when):
    content = json.loads(write_manifest(CANCELLED))
    content["said"]["when"] = when
    with pytest.raises(ManifestRejected, match=r"said\.when"):
        read_message(json.dumps(content).encode())


def test_who_pauses_a_request_is_named_once_for_all_services(tree):
    assert pauses_of(tree, REQUEST.id) == []
    tree.hear_hold(service_held(True, "analyzer"))
    tree.hear_hold(service_held(True, "selector"))
    assert pauses_of(tree, REQUEST.id) == ["paused by shifter, 2024-12-06 09:00 UTC: dome closed"]
    tree.record(held(True, who="expert"))
    assert pauses_of(tree, REQUEST.id) == ["paused by expert, 2024-12-06 09:00 UTC: dome closed"]


def test_why_the_scheduler_does_not_take_a_job_is_shown(bench):
    bench.tell(factories.run_selected())
    (bench.job.directory / "waiting").write_text("submit limit reached")
    assert remarks_on(bench.tree, REQUEST.id) == ["waiting for the scheduler: submit limit reached"]
    bench.complete()
    assert remarks_on(bench.tree, REQUEST.id) == []


def test_words_count_in_the_order_in_which_they_were_said_not_heard(tree):
    first, second = (factories.request_submitted(minute).said for minute in (1, 2))
    later = RequestHeld(request=REQUEST, held=False, said=second)
    earlier = RequestHeld(request=REQUEST, held=True, said=first)
    for word in (later, earlier):
        tree.hear(word)
    assert tree.hold(REQUEST.id, "selector") is None
    for said, value in ((second, False), (first, True)):
        tree.hear_hold(ServiceHeld(held=value, said=said))
    assert tree.hold(REQUEST.id, "selector") is None
    tree.record(factories.request_submitted(minute=3))
    tree.hear(RequestCancelled(request=REQUEST, said=second))
    assert tree.cancellation(REQUEST.id) is None


def test_a_pin_holds_until_it_is_taken_back(tree):
    for minute, pinned in enumerate((True, False)):
        said = factories.request_submitted(minute).said
        tree.record(RequestPinned(request=REQUEST, pinned=pinned, said=said))
        assert tree.is_pinned(REQUEST.id) is pinned


def test_a_pin_that_cannot_be_read_is_none_to_be_ignored(tree):
    tree.record(RequestPinned(request=REQUEST, pinned=True, said=SAID))
    next(tree.root.rglob("request.pinned.*")).unlink()
    assert tree.is_pinned(REQUEST.id)


def test_a_report_that_is_not_seen_yet_is_waited_for(make_bench):
    bench = make_bench()
    bench.report_patience_s = 3600
    bench.restart()
    bench.tell(factories.run_selected())
    bench.end(Completed(bench.job.name))
    assert bench.said == []
    bench.leave_report()
    bench.loop.turn(())
    bench.deliver()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_report_that_appears_while_a_failure_is_written_counts(bench):
    bench.tell(factories.run_selected())
    work = bench.tree.attempt(bench.job.name).work
    bench.leave_report()
    seen = json.loads((work.directory / "report.json").read_bytes())
    counted = work.write_failure(Report(outcome="failed", exit_code=1, reason="no report"))
    assert (counted.outcome, seen["outcome"]) == ("done", "done")


def test_a_job_is_cancelled_though_its_daemon_was_restarted_meanwhile(bench):
    bench.tree.record(factories.request_submitted())
    bench.tell(factories.run_selected())
    bench.tree.record(CANCELLED)
    bench.restart()
    bench.resume()
    (ending,) = bench.executor.endings()
    assert ending.state is JobState.CANCELLED
    assert len(bench.tree.pending("dl2-converter")) == 1
    bench.loop.turn([ending])
    assert len(bench.tree.pending("dl2-converter")) == 0
    assert bench.tree.attempt(ending.name).ended


def test_a_submission_that_was_said_before_a_cancellation_does_not_undo_it(tree):
    later = SAID.model_copy(update={"when": factories.request_submitted(minute=2).said.when})
    tree.record(factories.request_submitted())
    tree.record(CANCELLED.model_copy(update={"said": later}))
    tree.record(factories.request_submitted(minute=1))
    assert tree.cancellation(REQUEST.id) == later
    tree.record(factories.request_submitted(minute=3))
    assert tree.cancellation(REQUEST.id) is None


def test_a_submission_that_does_not_say_when_counts_in_the_order_of_records(tree):
    submitted = factories.request_submitted().model_copy(update={"said": None})
    for word in (submitted, CANCELLED):
        tree.record(word)
    assert tree.cancellation(REQUEST.id) == SAID
    tree.record(submitted)
    assert tree.cancellation(REQUEST.id) is None


def test_a_hold_that_this_version_cannot_read_holds_nothing_and_stops_nobody(bench):
    bench.tree.hear_hold(service_held(True))
    path = next(bench.tree.root.glob("holds/manifests/*/*.json"))
    path.write_text('{"schema_version": 99}')
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_withdrawn_attempts_are_no_deaths_of_the_work(bench):
    bench.tree.record(factories.request_submitted())
    bench.tell(factories.run_selected())
    work = bench.tree.attempt(bench.job.name).work
    for attempt in work.attempts():
        attempt.withdraw()
        attempt.record_ending(Died(attempt.name, JobState.CANCELLED))
    assert work.deaths(work.attempts()[-1]) == []
    assert work.unanswered_death() is None
