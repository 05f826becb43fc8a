"""The run tree tells the truth about requests, work and products."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from foa_stage.jobs import Died, JobState, Resources
from foa_stage.manifests import ManifestRejected, RunFailed, RunSelected
from foa_stage.tree import Attempt, Report, RunTree, product_of, write_atomic
from foa_stage.tree.files import link_atomic
from foa_testing.fakes import factories


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path)


@pytest.fixture
def work(tree):
    return tree.work("dl2-converter", "0123456789abcdef")


def done(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("content")
    return Report(outcome="done", exit_code=0, products=(product_of("dl2", path),))


def test_a_report_holds_while_its_products_are_there(work):
    path = work.products / "dl2.h5"
    work.write_report(done(path))
    assert work.report() is not None
    path.unlink()
    assert work.report() is None


def test_a_product_of_other_size_does_not_count(work):
    path = work.products / "dl2.h5"
    work.write_report(done(path))
    path.write_text("cont")
    assert work.report() is None


def test_a_product_of_other_content_is_found_corrupt(work):
    path = work.products / "dl2.h5"
    report = done(path)
    assert report.corrupt() == []
    path.write_text("c0ntent")
    assert report.corrupt() == [path]


def test_half_a_report_is_no_report(work):
    write_atomic(work.directory / "report.json", b'{"outcome": "do')
    assert work.report() is None


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    with pytest.raises(TypeError):
        write_atomic(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_writers_in_containers_with_the_same_process_number_do_not_disturb_each_other(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"

    def write(number):
        for _ in range(50):
            write_atomic(path, b"%d" % number)
            link_atomic(link, path)

    with ThreadPoolExecutor(4) as pool:
        for written in [pool.submit(write, number) for number in range(4)]:
            written.result()
    assert path.read_bytes() in (b"0", b"1", b"2", b"3")
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_of_a_log_only_the_end_is_read(work):
    attempt = Attempt(work, 1)
    assert attempt.log_tail() == ""
    attempt.begin(Resources(memory_mib=1, time_limit_s=1))
    (attempt.directory / "err").write_text("x" * (4 << 20) + "\nfirst\nlast\n")
    assert attempt.log_tail(lines=2) == "first\nlast"
    assert len(attempt.log_tail(lines=9)) < 20_000


def test_deaths_are_counted_since_the_last_success(work):
    death = Died("job", JobState.TIMEOUT)
    for number, ending in enumerate((death, None, death, death), start=1):
        attempt = Attempt(work, number)
        attempt.begin(Resources(memory_mib=1, time_limit_s=1))
        attempt.record_ending(ending)
    assert work.deaths(Attempt(work, 4)) == [death, death]
    assert work.deaths(Attempt(work, 3)) == [death]


def test_what_is_said_of_a_run_again_keeps_its_place_among_the_runs(tree):
    one, two = factories.run_selected(1, (1, 2)), factories.run_selected(2, (1, 2))
    for manifest in (one, two, one):
        tree.record(manifest)
    assert tree.manifests(one.request.id, RunSelected) == [one, two]
    assert [*tree.newest_per_run(one.request.id, RunSelected)] == [1, 2]


def test_the_newest_word_on_a_run_counts(tree):
    first = factories.run_failed()
    second = first.model_copy(update={"reason": "another"})
    tree.record(first)
    tree.record(second)
    assert tree.newest_per_run(first.request.id, RunFailed) == {1: second}
    tree.record(first)
    assert tree.newest(first.request.id, RunFailed, 1) == first
    assert tree.newest(first.request.id, RunFailed, 2) is None


def test_a_request_shows_the_work_it_led_to(tree, work):
    manifest = factories.run_selected(7)
    tree.link_work(manifest, work, per_run=True)
    (link,) = tree.linked_works(manifest.request.id)
    assert (link.stage, link.obs_id, link.work) == ("dl2-converter", 7, work)


def test_a_manifest_with_the_id_of_another_document_is_refused(tree):
    known = factories.run_selected()
    tree.record(known)
    forged = known.model_copy(update={"n_runs": 2, "id": known.id})
    with pytest.raises(ManifestRejected, match="has the id"):
        tree.record(forged)
    other = factories.make_request(factories.CRAB.model_copy(update={"name": "Vela"}))
    as_crab = other.model_copy(update={"id": known.request.id})
    with pytest.raises(ManifestRejected, match="another request has the id"):
        tree.record(factories.run_selected().model_copy(update={"request": as_crab}))
    assert tree.manifests(known.request.id, RunSelected) == [known]


def test_files_that_people_leave_in_a_request_disturb_nothing(tree, work):
    manifest = factories.run_selected(7)
    tree.record(manifest)
    tree.link_work(manifest, work, per_run=True)
    directory = tree.request_directory(manifest.request.id)
    for name in ("manifests/notes.json", "manifests/README", "jobs/notes.json", "jobs/a.7"):
        (directory / name).write_text("{}")
    assert tree.announcements(manifest.request.id).keys() == {"run.selected"}
    assert [link.obs_id for link in tree.linked_works(manifest.request.id)] == [7]


def test_a_mailbox_that_another_replica_empties_is_read_without_a_fault(tree):
    mailbox = tree.outbox("analyzer")
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            for obs_id in range(1, 21):
                mailbox.put(factories.run_selected(obs_id))
            for obs_id in range(1, 21):
                mailbox.remove(factories.run_selected(obs_id))

    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(come_and_go)
        try:
            wait_for(lambda: len(mailbox) > 0)
            seen = [len(mailbox.all()) for _ in range(500)]
        finally:
            stop.set()
        busy.result()
    assert max(seen) > 0


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
