"""What was told about a request has an order that no clock makes."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from foa.pipeline.progress import progress_of
from foa_stage.manifests import AnalysisReady, RequestFailed, RunFailed, RunSelected
from foa_stage.tree import RunTree, product_of
from foa_stage.tree.journal import Journal
from foa_testing.fakes import factories

REQUEST = factories.make_request().id
FIRST, SECOND = (factories.request_submitted(minute).generation for minute in (0, 1))


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path)


def in_second(manifest):
    return manifest.model_copy(update={"generation": SECOND})


def make_all_as_old_as(tree, seconds):
    for path in tree.root.rglob("*"):
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def results(tree, name):
    path = tree.root / "work/analyzer" / name / "products/results.json"
    path.parent.mkdir(parents=True)
    path.write_text(name)
    return product_of("results.json", path)


def test_the_newest_counts_though_all_files_have_the_same_time(tree):
    failed = factories.run_failed()
    for reason in "cab":
        tree.record(failed.model_copy(update={"reason": reason}))
    make_all_as_old_as(tree, 1_000_000)
    assert tree.newest(REQUEST, RunFailed, 1).reason == "b"
    assert [one.reason for one in tree.manifests(REQUEST, RunFailed)] == ["c", "a", "b"]


def test_another_process_reads_the_same_order(tree):
    for obs_id in (3, 1, 2):
        tree.record(factories.run_selected(obs_id, (1, 2, 3)))
    other = Journal(tree.request_directory(REQUEST))
    assert [entry.obs_id for entry in other.entries()] == [3, 1, 2]


def test_writers_at_once_get_one_number_each(tree, tmp_path):
    names = [f"run.selected.{number:05d}.{number}.json" for number in range(200)]
    journals = [Journal(tmp_path) for _ in range(2)]

    def write(number):
        for name in names[number::4]:
            journals[number % 2].add(name, again=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert sorted(entry.name for entry in Journal(tmp_path).entries()) == names
    assert sorted(path.name for path in (tmp_path / "journal").iterdir()) == [
        f"{number:08d}" for number in range(1, 201)
    ]


def test_what_is_heard_again_stays_where_it_was(tree):
    first, second = (
        factories.run_failed().model_copy(update={"reason": reason}) for reason in "ab"
    )
    for manifest in (first, second):
        tree.record(manifest)
    tree.hear(first)
    assert tree.newest(REQUEST, RunFailed, 1) == second


def test_what_is_recorded_again_becomes_the_newest(tree):
    first, second = (
        factories.run_failed().model_copy(update={"reason": reason}) for reason in "ab"
    )
    for manifest in (first, second, first):
        tree.record(manifest)
    assert tree.newest(REQUEST, RunFailed, 1) == first


def test_the_manifest_in_hand_is_known_before_its_record_is_seen(tree):
    tree.hear(factories.dl2_ready())
    assert tree.announced_runs(REQUEST, type(factories.dl2_ready())) == {1}


def test_a_request_that_was_removed_and_made_again_has_a_new_journal(tree):
    tree.record(factories.run_selected(1))
    shutil.rmtree(tree.request_directory(REQUEST))
    tree.record(factories.run_selected(2))
    assert tree.announced_runs(REQUEST, RunSelected) == {2}


def test_a_request_that_another_process_removed_and_made_again_is_read_from_its_beginning(tree):
    tree.record(factories.run_selected(1))
    other = Journal(tree.request_directory(REQUEST))
    assert [entry.obs_id for entry in other.entries()] == [1]
    shutil.rmtree(tree.request_directory(REQUEST))
    for obs_id in (2, 3):
        tree.record(factories.run_selected(obs_id))
    assert [entry.obs_id for entry in other.entries()] == [2, 3]


def test_a_run_that_left_the_selection_is_none_of_the_request_any_more(tree):
    tree.record(factories.request_submitted())
    for obs_id in (1, 2):
        tree.record(factories.run_selected(obs_id, (1, 2)))
    tree.record(factories.request_submitted(minute=1))
    tree.record(in_second(factories.run_selected(2)))
    assert tree.announced_runs(REQUEST, RunSelected) == {2}
    tree.record(factories.run_failed(1))
    assert tree.announced_runs(REQUEST, RunFailed) == set()
    assert progress_of(tree, REQUEST).runs.keys() == {2}
    assert tree.is_superseded(REQUEST, FIRST)
    assert not tree.is_superseded(REQUEST, SECOND)
    assert not tree.is_superseded(REQUEST, "not heard of yet")


def test_a_late_first_look_replaces_no_final_results(tree):
    tree.record(factories.request_submitted())
    for phase in ("final", "first-look"):
        tree.record(factories.analysis_ready(phase, results(tree, phase)))
    assert progress_of(tree, REQUEST).phase == "final"
    assert tree.newest_results(REQUEST).name == "001-final"


def test_a_first_look_that_fails_late_fails_no_request_that_has_final_results(tree):
    tree.record(factories.analysis_ready("final", results(tree, "final")))
    tree.record(factories.request_failed("first look"))
    assert progress_of(tree, REQUEST).phase == "final"


def test_a_failure_ends_with_the_next_submission_and_with_the_next_success(tree):
    tree.record(factories.request_submitted())
    tree.record(factories.request_failed())
    assert progress_of(tree, REQUEST).phase == "failed"
    tree.record(factories.analysis_ready("first-look", results(tree, "a")))
    assert progress_of(tree, REQUEST).phase == "first-look"
    tree.record(factories.request_failed("again"))
    assert progress_of(tree, REQUEST).phase == "failed"
    tree.record(factories.request_submitted(minute=1))
    assert progress_of(tree, REQUEST).phase == "selecting"


def test_results_of_an_earlier_submission_count_until_there_are_newer_ones(tree):
    tree.record(factories.analysis_ready("final", results(tree, "old")))
    tree.record(factories.request_submitted(minute=1))
    assert tree.newest_results(REQUEST).name == "001-final"
    tree.record(factories.analysis_ready("first-look", results(tree, "new"), minute=1))
    assert tree.newest_results(REQUEST).name == "002-first-look"


def test_results_outlive_the_work_they_were_made_in(tree):
    ready = factories.analysis_ready("final", results(tree, "a"))
    tree.record(ready)
    shutil.rmtree(tree.root / "work")
    assert (tree.newest_results(REQUEST) / "results.json").read_text() == "a"


def test_results_lead_to_the_dl3_files_that_they_were_made_of(tree, tmp_path):
    product = results(tree, "a")
    (product.path.parent / "run.fits").symlink_to(tmp_path / "dl3.fits")
    (tmp_path / "dl3.fits").write_text("events")
    tree.record(factories.analysis_ready("final", product))
    assert (tree.newest_results(REQUEST) / "run.fits").read_text() == "events"


def test_the_same_results_announced_again_are_the_same_version(tree):
    product = results(tree, "a")
    tree.record(factories.analysis_ready("final", product))
    (tree.newest_results(REQUEST) / "results.json").unlink()
    tree.record(factories.analysis_ready("final", product, minute=1))
    (version,) = tree.result_versions(REQUEST)
    assert (version / "results.json").read_text() == "a"


def test_where_the_file_system_has_no_hard_links_results_are_copied(tree, monkeypatch):
    def refuse(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tree.record(factories.analysis_ready("final", results(tree, "a")))
    assert (tree.newest_results(REQUEST) / "results.json").read_text() == "a"


def without_generation(reason):
    return factories.run_failed().model_copy(update={"reason": reason, "generation": ""})


@pytest.mark.parametrize("reasons", [["a", "b"], ["b", "a"]])
def test_documents_that_are_older_than_the_journal_come_first_in_the_order_of_their_times(
    tree, reasons
):
    for time, manifest in enumerate(map(without_generation, reasons), start=1000):
        tree.record(manifest)
        path = next(tree.root.rglob(f"*{manifest.id}.json"))
        os.utime(path, (time, time))
    shutil.rmtree(tree.request_directory(REQUEST) / "journal")
    tree.record(factories.request_submitted())
    kinds = (RunFailed, RequestFailed, AnalysisReady)
    assert [one.reason for kind in kinds for one in tree.manifests(REQUEST, kind)] == reasons
    assert tree.generation(REQUEST) == FIRST


def test_a_document_without_a_generation_that_is_in_the_journal_is_no_older_one_too(tree):
    for reason in "ba":
        tree.record(without_generation(reason))
    fresh = Journal(tree.request_directory(REQUEST))
    assert [entry.number for entry in fresh.entries()] == [1, 2]


def test_odd_files_and_links_in_a_request_are_passed_over(tree):
    tree.record(factories.run_selected())
    directory = tree.request_directory(REQUEST)
    (directory / "manifests/x.1a.id.json").write_text("{}")
    (directory / "journal/00000002").symlink_to("nowhere in particular")
    tree.record(factories.run_failed())
    fresh = Journal(directory)
    assert [entry.kind for entry in fresh.entries()] == ["run.selected", "run.failed"]
    assert [entry.kind for entry in fresh.entries()] == ["run.selected", "run.failed"]


def test_a_document_that_is_gone_is_unreadable_until_it_is_seen_again(tree):
    tree.record(factories.run_selected())
    path = next(tree.root.rglob("run.selected.*"))
    hidden = path.rename(path.with_name("hidden"))
    assert [one.path for one in RunTree(tree.root).unreadable(REQUEST)] == [path]
    hidden.rename(path)
    assert RunTree(tree.root).unreadable(REQUEST) == []


def test_two_replicas_that_keep_the_same_results_keep_one_version(tree):
    ready = factories.analysis_ready("final", results(tree, "a"))
    tree.record(ready)
    (tree.request_directory(REQUEST) / "results/.002").symlink_to(ready.directory)
    assert tree.newest_results(REQUEST).name == "001-final"
