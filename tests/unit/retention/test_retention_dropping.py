"""What is dropped is gone and can be made again; what is asked for meanwhile stays."""

import threading

from foa.retention import choose, drop
from foa_stage.manifests import RequestFailed
from foa_stage.tree import write_atomic
from foa_testing.fakes import factories


def test_reports_manifests_requests_and_logs_stay(yard):
    work = yard.make(days=100)
    write_atomic(work.attempts()[-1].directory / "err", b"log")
    yard.ask("Crab", work)
    yard.age(work.directory, 100)
    before = yard.files()
    gone = {one.path for one in drop(yard.tree, yard.found())}
    assert gone == {work.products / "a.h5"}
    assert yard.files() == before - gone
    assert work.last_report().outcome == "done"
    assert work.report() is None


def test_temporary_files_of_killed_writers_are_swept_after_a_day(yard):
    draft = f".run.json.{'0a' * 16}"
    places = ("outbox/x", "requests/r/manifests", "work/s/k", "cache/forests")
    for place in places:
        write_atomic(yard.tree.root / place / draft, b"x")
        write_atomic(yard.tree.root / place / "run.json", b"x")
        write_atomic(yard.tree.root / place / ".hidden", b"x")
    (yard.tree.root / f".link.{'0' * 32}").symlink_to(yard.tree.root / "work")
    (yard.tree.root / "cache/linked").hardlink_to(yard.tree.root / "cache/forests" / draft)
    assert yard.found() == []
    yard.age(yard.tree.root, 2)
    found = yard.found()
    assert {one.kind for one in found} == {"drafts"}
    assert len(found) == len(places) + 1
    assert [one.size for one in found if one.path.is_relative_to(yard.tree.root / "cache")] == [0]
    assert len(list(drop(yard.tree, found))) == len(places) + 1
    assert (yard.tree.root / "work/s/k/run.json").exists()


def test_work_that_was_asked_for_since_it_was_surveyed_stays(yard):
    work, other = yard.make("a"), yard.make("b")
    found = yard.found()
    with work.lock():
        pass
    assert [one.work for one in drop(yard.tree, found)] == [other]


def test_work_whose_user_was_asked_for_since_stays(yard):
    part = yard.make("node", stage="irf-node")
    user = yard.make("a", stage="irf-builder", products=part.last_report().products)
    found = yard.found()
    with user.lock():
        pass
    assert list(drop(yard.tree, found)) == []


def test_what_was_pinned_or_became_a_result_since_stays(yard, tmp_path):
    pinned, result = yard.make("a"), yard.make("b")
    request_id = yard.ask("Crab", pinned)
    found = yard.found()
    assert len(found) == 2
    yard.pin(request_id)
    (tmp_path / "result").hardlink_to(result.products / "b.h5")
    assert list(drop(yard.tree, found)) == []


def test_dropping_waits_for_a_daemon_that_decides_and_respects_what_it_decided(yard):
    work = yard.make()
    found, gone = yard.found(), []
    cleaner = threading.Thread(target=lambda: gone.extend(drop(yard.tree, found)))
    with work.lock():
        yard.age(
            work.directory, 100
        )  # as if the daemon had taken the lock just after the cleaner looked
        cleaner.start()
        yard.attempt_of(work, 2).begin(yard.resources)
    cleaner.join()
    assert gone == []


def test_so_much_is_freed_and_the_longest_idle_first(yard):
    for key, days in (("a", 50), ("b", 70), ("c", 60)):
        yard.make(key, days=days, content="x" * 10)
    found = yard.found()

    def names(size):
        return [one.path.stem for one in choose(found, size)]

    assert names(11) == ["b", "c"]
    assert names(10) == ["b"]
    assert names(0) == []
    assert names(99) == ["b", "c", "a"]


def test_what_was_dropped_is_made_again_when_it_is_asked_for(bench, make_yard):
    bench.tell(factories.run_selected())
    bench.complete()
    (work,) = bench.tree.works()
    yard = make_yard(bench.tree.root)
    yard.age(work.directory, 100)
    told = factories.run_selected()
    bench.tree.record(
        RequestFailed(request=told.request, generation=told.generation, reason="no IRF")
    )
    gone = drop(bench.tree, yard.found())
    assert len(list(gone)) == 1
    bench.restart()
    bench.tell(factories.run_selected())
    assert len(bench.executor.submitted) == 1
