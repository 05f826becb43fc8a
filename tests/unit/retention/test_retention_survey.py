"""Old products may be dropped by the policy of a site; nothing else may, and nothing in use."""

import pytest

from foa.intake.submission import said
from foa_stage.jobs import Died, JobState
from foa_stage.manifests import RequestCancelled
from foa_stage.tree import product_of, write_atomic
from foa_testing.fakes import factories


def test_products_of_a_stage_are_dropped_when_they_are_older_than_the_policy_says(yard):
    yard.make("a", days=31)
    yard.make("b", days=29)
    yard.make("c", stage="dl3-maker", days=31)
    assert yard.found_names() == {"a.h5"}
    assert yard.found_names(products={"dl3-maker": 30}) == {"c.h5"}
    assert yard.found_names(products={}) == set()


def test_the_time_counts_from_when_a_daemon_last_decided_about_the_work(yard):
    work = yard.make(days=100)
    with work.lock():
        pass
    assert yard.found_names() == set()


def test_nothing_of_a_pinned_request_is_dropped_until_it_is_unpinned(yard):
    shared, other = yard.make("a"), yard.make("b")
    pinned, free = yard.ask("Kept", shared), yard.ask("Free", shared)
    yard.ask("Other", other)
    yard.pin(pinned)
    assert yard.found_names() == {"b.h5"}
    yard.pin(pinned, pinned=False)
    assert yard.found_names() == {"a.h5", "b.h5"}
    (one,) = (one for one in yard.found() if one.path.name == "a.h5")
    assert set(one.requests) == {pinned, free}


def test_older_products_that_were_announced_for_a_pinned_request_stay(yard):
    older = yard.make("a")
    request_id = yard.ask("Kept")
    request = yard.tree.request(request_id)
    product = older.last_report().products[0]
    ready = factories.dl2_ready(dl2=product).model_copy(update={"request": request})
    yard.tree.record(ready)
    assert yard.found_names() == {"a.h5"}
    yard.pin(request_id)
    assert yard.found_names() == set()


def test_parts_that_works_share_are_as_young_as_the_youngest_of_these(yard):
    part = yard.make("node", stage="irf-node", days=100)
    products = part.last_report().products
    yard.make("a", stage="irf-builder", products=products, days=100)
    assert yard.found_names() == {"node.h5"}
    young = yard.make("b", stage="irf-builder", products=products, days=1)
    assert yard.found_names() == set()
    yard.age(young.directory, 100)
    request_id = yard.ask("Kept", young)
    yard.pin(request_id)
    assert yard.found_names() == set()


def test_products_that_a_job_under_way_reads_stay(yard):
    path = yard.make("a").products / "a.h5"
    reader = yard.begin("b", stage="dl3-maker", dl2={"path": str(path)}, more=[str(path)])
    assert yard.found_names() == set()
    yard.end(reader, None)
    assert yard.found_names() == {"a.h5"}


def test_products_of_a_request_that_is_not_finished_stay(yard):
    announced, linked = yard.make("a"), yard.make("b")
    request = yard.tree.request(yard.ask("Paused", linked, finished=False))
    ready = factories.dl2_ready(dl2=announced.last_report().products[0])
    yard.tree.record(ready.model_copy(update={"request": request}))
    assert yard.found_names() == set()
    yard.tree.record(RequestCancelled(request=request, said=said()))
    assert yard.found_names() == {"a.h5", "b.h5"}


def test_work_under_way_stays(yard):
    work = yard.make("a")
    yard.begin("a")
    yard.age(work.directory, 100)
    assert yard.found_names() == set()


def test_results_have_names_of_their_own_and_stay(yard):
    work = yard.make(stage="analyzer")
    ready = factories.analysis_ready()
    yard.tree.record(ready.model_copy(update={"products": work.last_report().products}))
    (version,) = yard.tree.result_versions(ready.request.id)
    assert yard.found_names(products={"analyzer": 1}) == set()
    (version / "a.h5").unlink()
    assert yard.found_names(products={"analyzer": 1}) == {"a.h5"}


def test_results_that_are_links_into_work_stay(yard):
    work = yard.make(stage="analyzer")
    version = yard.tree.request_directory(yard.ask("Crab", work)) / "results/001-final"
    version.parent.mkdir()
    version.symlink_to(work.products)
    assert yard.found_names(products={"analyzer": 1}) == set()
    version.unlink()
    assert yard.found_names(products={"analyzer": 1}) == {"a.h5"}


def test_an_analysis_by_hand_stays(yard):
    work = yard.make("a", stage="analyzer")
    for attempt in work.attempts():
        (attempt.directory / "resources.json").unlink()
    assert yard.found_names(products={"analyzer": 1}) == set()


def test_a_report_that_names_files_elsewhere_drops_none_of_these(yard, tmp_path):
    (tmp_path / "mine").write_text("")
    yard.age(tmp_path / "mine", 100)
    work = yard.make(products=(product_of("y", tmp_path / "mine"),))
    (work.products / "out").symlink_to(tmp_path)
    escaping = product_of("z", work.products / "out/mine")
    work.write_report(work.last_report().model_copy(update={"products": (escaping,)}))
    yard.age(work.directory, 100)
    assert yard.found_names() == set()


@pytest.mark.parametrize("outcome", ["done", "failed"])
@pytest.mark.parametrize("what", ["products", "."])
def test_nothing_is_dropped_behind_a_link_that_leads_out_of_the_tree(yard, tmp_path, what, outcome):
    work = yard.make(outcome=outcome)
    assert yard.found_names() == {"a.h5"}
    (work.directory / what).resolve().rename(tmp_path / "elsewhere")
    (work.directory / what).symlink_to(tmp_path / "elsewhere")
    assert yard.found_names() == set()


def test_a_file_is_the_same_by_whatever_links_it_is_reached(yard, make_yard, tmp_path):
    part = yard.make("node", stage="irf-node").last_report().products[0]
    (tmp_path / "alias").symlink_to(yard.tree.root)
    other = make_yard(tmp_path / "alias")
    alias = part.model_copy(
        update={"path": other.tree.work("irf-node", "node").products / "node.h5"}
    )
    assert yard.found_names() == other.found_names() == {"node.h5"}
    other.make("a", stage="irf-builder", products=(alias,), days=1)
    assert yard.found_names() == other.found_names() == set()


def died(work):
    return Died(f"foa-{work.stage}-{work.key}-1", JobState.FAILED)


def test_what_failed_work_left_is_dropped_but_not_its_logs(yard):
    work = yard.begin()
    directory = work.attempts()[-1].directory
    for path in (work.products / "half.h5", directory / "tmp/x/scratch", directory / "err"):
        write_atomic(path, b"x")
    yard.end(work, died(work))
    yard.age(work.directory, 8)
    assert {one.kind for one in yard.found()} == {"leftovers"}
    assert yard.found_names() == {"half.h5", "scratch"}
    assert yard.found_names(leftovers=9) == set()


def test_what_a_job_under_way_has_written_is_no_leftover(yard):
    work = yard.begin()
    write_atomic(work.products / "half.h5", b"x")
    write_atomic(work.attempts()[-1].directory / "tmp/scratch", b"x")
    yard.age(work.directory, 100)
    assert yard.found_names() == set()
