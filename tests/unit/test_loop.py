"""The service loop: nothing is lost, nothing is done twice, every ending is concluded."""

from pathlib import Path

import pytest
import structlog

from foa_dl2_converter.plan import plan
from foa_stage.jobs import Completed, JobSpec, JobState, Wait
from foa_stage.manifests import ManifestRejected, Product, RunFailed, digest
from foa_stage.tree import Report, RunTree
from foa_testing.fakes import factories

NAME = "dl2-converter"


def test_a_manifest_becomes_a_job_and_its_end_a_manifest(bench):
    bench.tell(factories.run_selected())
    assert bench.job.command[1:] == (
        "foa_dl2_converter.stage",
        str(bench.tree.attempt(bench.job.name).work.request),
    )
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_redelivered_manifest_submits_nothing(bench):
    for _ in range(3):
        bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_work_that_is_done_is_announced_without_a_job(bench):
    bench.tell(factories.run_selected())
    bench.complete()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_after_a_restart_the_same_attempt_is_taken_up(bench):
    bench.tell(factories.run_selected())
    name = bench.job.name
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name == name


def test_a_deleted_product_is_made_again_in_a_new_attempt(bench):
    bench.tell(factories.run_selected())
    bench.complete()
    next(bench.tree.root.glob("work/*/*/products/dl2.h5")).unlink()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name.endswith("-2")


def test_a_product_deleted_after_an_ending_nobody_concluded_is_made_again(bench):
    bench.tell(factories.run_selected())
    bench.leave_report().unlink()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name.endswith("-2")
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_what_was_told_before_a_restart_is_answered_after_it(bench):
    bench.tell(factories.run_selected())
    bench.restart()
    bench.resume()
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]
    bench.restart()
    bench.resume()
    bench.deliver()
    assert bench.said == []


def test_what_is_pending_of_some_requests_is_forgotten_when_they_are_told_anew(bench):
    mine = factories.run_selected()
    target = factories.CRAB.model_copy(update={"name": "other"})
    others = mine.model_copy(update={"request": factories.make_request(target)})
    for manifest in (mine, others):
        bench.tree.pending(NAME).put(manifest)
    bench.loop.drop_pending({mine.request.id})
    assert list(bench.tree.pending(NAME).all()) == [others]


def test_what_the_bus_does_not_take_is_sent_later(bench):
    def away(manifest):
        raise ConnectionError("broker away")

    bench.tell(factories.run_selected())
    publish, bench.bus.publish = bench.bus.publish, away
    bench.complete()
    assert bench.said == []
    bench.bus.publish = publish
    bench.loop.send()
    bench.deliver()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_corrupt_product_is_a_failure_that_says_so(bench):
    bench.tell(factories.run_selected())
    attempt = bench.tree.attempt(bench.job.name)
    attempt.work.write_report(
        Report(
            outcome="done",
            exit_code=0,
            products=(Product(role="dl2", path="/none", size=1, sha256="0"),),
        )
    )
    bench.end(Completed(bench.job.name))
    (failed,) = bench.said
    assert "missing or corrupt" in failed.reason


def test_a_product_of_the_right_size_with_other_content_is_corrupt(bench):
    bench.tell(factories.run_selected())
    bench.leave_report().write_text("EVENTS")
    bench.end(Completed(bench.job.name))
    (failed,) = bench.said
    assert "missing or corrupt" in failed.reason


def test_a_job_that_ends_well_without_a_report_has_failed(bench):
    bench.tell(factories.run_selected())
    bench.end(Completed(bench.job.name))
    assert isinstance(bench.said[0], RunFailed)


def test_a_job_killed_for_memory_is_tried_again_with_more(bench):
    bench.tell(factories.run_selected())
    asked = bench.job.resources.memory_mib
    bench.die(JobState.OUT_OF_MEMORY)
    assert bench.said == []
    assert bench.job.resources.memory_mib == int(1.5 * asked)
    bench.complete()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_an_attempt_that_was_killed_before_it_wrote_its_intent_is_made_again(bench):
    bench.tell(factories.run_selected())
    attempt = bench.tree.attempt(bench.job.name)
    (attempt.directory / "resources.json").unlink()
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.job.name == attempt.name
    assert attempt.resources() == bench.job.resources


def test_attempts_are_counted_over_restarts(bench):
    bench.tell(factories.run_selected())
    bench.die(JobState.FAILED)
    bench.restart()
    bench.tell(factories.run_selected())
    bench.die(JobState.FAILED)
    assert isinstance(bench.said[0], RunFailed)
    assert "after 2 attempts" in bench.said[0].reason


def test_a_failure_is_final_until_somebody_retries(bench):
    bench.tell(factories.run_selected())
    work = bench.tree.attempt(bench.job.name).work
    work.write_report(Report(outcome="failed", exit_code=3, reason="truncated"))
    bench.die(JobState.FAILED, exit_code=3)
    assert bench.said[0].reason == "truncated"
    bench.restart()
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []
    work.retry("another")
    bench.restart()
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_other_software_is_other_work(bench):
    bench.tell(factories.run_selected())
    bench.complete()
    bench.serve(software="2")
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 2


def test_requests_that_ask_for_the_same_work_are_all_answered(bench):
    manifests = [factories.run_selected(obs_ids=ids) for ids in ((1,), (1, 2))]
    for manifest in manifests:
        bench.tell(manifest)
    bench.complete()
    assert [manifest.n_runs for manifest in bench.said] == [1, 2]
    assert len(bench.executor.submitted) == 1


def test_what_waits_submits_nothing(bench):
    bench.serve(plan=lambda manifest, tree: Wait("patience"))
    bench.tell(factories.run_selected())
    assert bench.executor.submitted == []


def test_the_key_names_the_content_of_the_request():
    spec = plan(factories.run_selected(), RunTree("/nowhere"))
    assert isinstance(spec, JobSpec)
    assert digest(spec.request) == digest(
        plan(factories.run_selected(), RunTree("/elsewhere")).request
    )


def test_a_failed_submission_is_retried_on_redelivery(bench, monkeypatch):
    def full(job):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(bench.executor, "submit", full)
        with pytest.raises(OSError, match="no space left"):
            bench.loop.handle(factories.run_selected())
    bench.loop.handle(factories.run_selected())
    assert len(bench.executor.submitted) == 1


def test_a_manifest_that_names_a_file_of_another_place_is_rejected(bench):
    selected = factories.run_selected()
    for path in ("/etc/passwd", "/archive/../etc/passwd", "relative/file"):
        run = selected.run.model_copy(update={"dl1": factories.make_stamp(path)})
        with pytest.raises(ManifestRejected, match="outside the run tree and the archive"):
            bench.loop.handle(selected.model_copy(update={"run": run}))
    assert bench.executor.submitted == []


def test_a_manifest_of_another_archive_is_rejected(bench):
    elsewhere = factories.make_request(archive=factories.make_archive(Path("/elsewhere")))
    with pytest.raises(ManifestRejected, match="/elsewhere"):
        bench.loop.handle(factories.run_selected().model_copy(update={"request": elsewhere}))


def test_one_manifest_that_cannot_be_taken_up_does_not_keep_the_others_from_it(bench):
    bad = factories.run_selected(1)
    bad = bad.model_copy(
        update={"run": bad.run.model_copy(update={"dl1": factories.make_stamp("/etc/passwd")})}
    )
    mailbox = bench.tree.pending(NAME)
    for manifest in (bad, factories.run_selected(2)):
        mailbox.put(manifest)
    bench.resume()
    assert len(bench.executor.submitted) == 1


def test_every_line_of_the_log_says_what_it_is_about(bench):
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as lines:
        bench.tell(factories.run_selected(7))
        bench.complete()
    (line,) = [line for line in lines if line["event"] == "ended"]
    assert {"stage", "key", "attempt", "requests", "observations"} <= line.keys()


def test_an_ending_that_a_full_disk_keeps_from_being_concluded_is_concluded_later(
    bench, monkeypatch
):
    def full(tree, manifest):
        raise OSError("no space left")

    bench.tell(factories.run_selected())
    with monkeypatch.context() as patch:
        patch.setattr(RunTree, "record", full)
        patch.setattr(bench.loop._held_endings, "_try_again_s", 0.0)
        bench.leave_report()
        bench.executor.end(Completed(bench.job.name))
        assert not bench.loop.turn(bench.executor.endings())
    assert bench.said == []
    assert bench.loop.turn(())
    bench.deliver()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_products_that_are_not_seen_yet_are_waited_for_like_a_report(make_bench):
    bench = make_bench()
    bench.report_patience_s = 3600
    bench.restart()
    bench.tell(factories.run_selected())
    path = bench.leave_report()
    hidden = path.rename(path.with_suffix(".hidden"))
    bench.end(Completed(bench.job.name))
    assert bench.said == []
    hidden.rename(path)
    bench.loop.turn(())
    bench.deliver()
    assert [manifest.kind for manifest in bench.said] == ["dl2.ready"]


def test_a_report_that_cannot_be_used_is_a_failure_of_its_run_not_of_the_service(bench):
    bench.tell(factories.run_selected())
    work = bench.tree.attempt(bench.job.name).work
    work.write_report(Report(outcome="done", exit_code=0, facts={"effective_s": "long"}))
    bench.end(Completed(bench.job.name))
    (failed,) = bench.said
    assert isinstance(failed, RunFailed)
    assert "its report cannot be used" in failed.reason
