"""What each service decides, without doing anything."""

import pytest

from foa_analyzer import plan as analyzer
from foa_analyzer.request import AnalysedRun, AnalysisRequest
from foa_dl2_converter import plan as converter
from foa_dl3_maker import plan as maker
from foa_irf_builder import plan as builder
from foa_selector import plan as selector
from foa_stage.jobs import JobSpec, Resources, Wait
from foa_stage.manifests import Dl3Ready, RequestFailed, RunFailed
from foa_stage.tree import Report, RunTree, product_of
from foa_testing.fakes import factories

FAILED = Report(outcome="failed", exit_code=3, reason="file is missing", log_tail="tail")


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path)


def on_disk(tree, name, role):
    path = tree.root / name
    path.write_text(name)
    return product_of(role, path)


def test_new_files_in_the_archive_are_new_work_for_the_selector(tree):
    first = factories.request_submitted()
    second = first.model_copy(update={"inputs": "1"})
    assert selector.plan(first, tree) != selector.plan(second, tree)


def test_all_runs_tell_how_many_there_are_unreadable_ones_included():
    found = selector.SelectedRuns(
        runs=(factories.make_run(7), factories.make_run(5)),
        unreadable=(selector.UnreadableRun(obs_id=6, reason="truncated"),),
    )
    report = Report(outcome="done", exit_code=0, facts=found.model_dump(mode="json"))
    announced = selector.announce(factories.request_submitted(), report)
    assert [manifest.kind for manifest in announced] == [
        "run.selected",
        "run.selected",
        "run.failed",
    ]
    assert {manifest.n_runs for manifest in announced} == {3}
    assert {manifest.obs_id for manifest in announced} == {5, 6, 7}


def test_a_selection_that_fails_fails_the_request():
    (announced,) = selector.announce(factories.request_submitted(), FAILED)
    assert announced == factories.request_failed("selector: file is missing")


def test_runs_of_the_same_line_share_their_irfs(tree):
    assert builder.plan(factories.run_selected(1), tree) == builder.plan(
        factories.run_selected(2), tree
    )


def nodes_of(*sizes_mib):
    """Nodes of test MC with files of these sizes."""
    node = factories.make_run().nodes[0]
    sizes = (size * builder.MIB for size in sizes_mib)
    stamps = (node.dl2.model_copy(update={"size": size}) for size in sizes)
    return [node.model_copy(update={"dl2": stamp}) for stamp in stamps]


def test_irfs_get_memory_for_a_node_on_each_core(tree):
    selected = factories.run_selected()

    def memory(*sizes_mib):
        run = selected.run.model_copy(update={"nodes": tuple(nodes_of(*sizes_mib))})
        return builder.plan(selected.model_copy(update={"run": run}), tree).memory_mib

    assert memory(200) < memory(200, 10) < memory(200, 10, 10) == memory(10, 200, 200)
    assert memory(*[200] * 4) == memory(*[200] * 20)  # one after the other, on four cores


@pytest.mark.parametrize(
    ("cores", "memory_mib", "n_nodes", "at_once"),
    [(4, 16000, 3, 3), (2, 16000, 3, 2), (4, 3000, 3, 1), (4, 10, 3, 1), (1, 16000, 3, 1)],
)
def test_as_many_nodes_are_made_at_once_as_cores_and_memory_allow(
    cores, memory_mib, n_nodes, at_once
):
    limits = Resources(cores=cores, memory_mib=memory_mib, time_limit_s=60)
    assert builder.nodes_at_once(nodes_of(*[200] * n_nodes), limits) == at_once


def test_without_a_job_one_node_is_made_at_a_time():
    assert builder.nodes_at_once(nodes_of(1, 1), None) == 1


def test_every_run_has_its_own_conversion_whatever_its_grade(tree):
    assert converter.plan(factories.run_selected(1), tree) != converter.plan(
        factories.run_selected(2), tree
    )


def memory_for(tree, dl1_mib, forests_mib):
    """Memory the conversion of a run asks for, by the sizes of its files."""
    selected = factories.run_selected()
    stamp = selected.run.dl1
    files = tuple(stamp.model_copy(update={"size": size * converter.MIB}) for size in forests_mib)
    run = selected.run.model_copy(
        update={
            "dl1": stamp.model_copy(update={"size": dl1_mib * converter.MIB}),
            "models": selected.run.models.model_copy(update={"files": files}),
        }
    )
    return converter.plan(selected.model_copy(update={"run": run}), tree).memory_mib


def test_a_conversion_asks_for_memory_by_its_forests_and_hardly_by_its_events(tree):
    small = memory_for(tree, 200, (10, 10, 2, 2))
    assert memory_for(tree, 2000, (10, 10, 2, 2)) - small < 1000
    assert memory_for(tree, 200, (400, 400, 70, 70)) - small > 2000


@pytest.mark.parametrize(
    ("service", "manifest"),
    [
        (converter, factories.run_selected()),
        (builder, factories.run_selected()),
        (maker, factories.dl2_ready()),
        (maker, factories.irf_ready()),
    ],
)
def test_a_failed_stage_becomes_a_failed_run_with_reason_and_log(service, manifest):
    (announced,) = service.announce(manifest, FAILED)
    assert announced == RunFailed.after(manifest, service.NAME, "file is missing", "tail")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (factories.dl2_ready(), factories.irf_ready()),
        (factories.irf_ready(), factories.dl2_ready()),
    ],
)
def test_dl3_is_made_when_the_second_of_dl2_and_irf_arrives(tree, first, second):
    tree.record(first)
    assert isinstance(maker.plan(first, tree), Wait)
    tree.record(second)
    assert isinstance(maker.plan(second, tree), JobSpec)


def test_both_halves_of_a_run_ask_for_the_same_dl3(tree):
    dl2, irf = factories.dl2_ready(), factories.irf_ready()
    tree.record(dl2)
    tree.record(irf)
    assert maker.plan(dl2, tree) == maker.plan(irf, tree)


@pytest.mark.parametrize(
    ("n_events", "least", "most"),
    [(150_000, 600, 1000), (9_500_000, 1300, 3000), (None, None, None)],
)
def test_dl3_asks_for_memory_by_the_events_of_its_dl2(tree, n_events, least, most):
    dl2 = factories.make_product("dl2").model_copy(update={"events": n_events})
    tree.record(factories.irf_ready())
    manifest = factories.dl2_ready(dl2=dl2)
    tree.record(manifest)
    needed = maker.plan(manifest, tree).memory_mib
    assert needed is None if n_events is None else least < needed < most


def test_other_dl2_is_other_work(tree):
    tree.record(factories.irf_ready())
    plans = []
    for content in "ab":
        manifest = factories.dl2_ready(dl2=factories.make_product("dl2", content=content))
        tree.record(manifest)
        plans.append(maker.plan(manifest, tree))
    assert plans[0] != plans[1]


def test_the_first_run_through_is_looked_at_though_others_are_to_come(tree):
    through = factories.dl3_ready(1, (1, 2), on_disk(tree, "a", "dl3"))
    tree.record(through)
    assert analyzer.plan(through, tree).request.phase == "first-look"


def memory_of_analysis(dl3_mib):
    """Memory an analysis asks for, by the sizes of DL3 files."""
    product = factories.make_product("dl3")
    sized = (product.model_copy(update={"size": size * analyzer.MIB}) for size in dl3_mib)
    runs = tuple(AnalysedRun(obs_id=i, dl3=dl3) for i, dl3 in enumerate(sized))
    manifest = factories.dl3_ready()
    request = AnalysisRequest(
        title="t",
        phase="final",
        target=manifest.request.target,
        profile="p 1",
        analysis=manifest.request.profile.analysis,
        runs=runs,
    )
    return analyzer.memory_needed(request)


def test_an_analysis_asks_for_memory_by_its_largest_run_and_by_their_number():
    one = memory_of_analysis([100])
    assert memory_of_analysis([10]) < one
    assert one < memory_of_analysis([100, 100]) < one + 10
    assert memory_of_analysis([]) < memory_of_analysis([1])


def test_the_memory_of_an_analysis_is_asked_for(tree):
    through = factories.dl3_ready(1, (1, 2), on_disk(tree, "a", "dl3"))
    tree.record(through)
    asked = analyzer.plan(through, tree)
    assert asked.memory_mib == analyzer.memory_needed(asked.request)


def test_there_is_one_first_look(tree):
    made = on_disk(tree, "results.json", "results.json")
    tree.record(factories.analysis_ready("first-look", made))
    through = factories.dl3_ready(1, (1, 2), on_disk(tree, "a", "dl3"))
    tree.record(through)
    assert isinstance(analyzer.plan(through, tree), Wait)


def test_a_request_with_results_of_an_earlier_submission_gets_no_first_look(tree):
    made = on_disk(tree, "results.json", "results.json")
    tree.record(factories.analysis_ready("final", made))
    again = factories.request_submitted(minute=1)
    tree.record(again)
    through = factories.dl3_ready(1, (1, 2), on_disk(tree, "a", "dl3"))
    through = through.model_copy(update={"generation": again.generation})
    tree.record(through)
    assert isinstance(analyzer.plan(through, tree), Wait)


def test_the_last_run_to_come_through_or_to_fail_starts_the_final_analysis(tree):
    tree.record(factories.dl3_ready(1, (1, 2), on_disk(tree, "a", "dl3")))
    failed = factories.run_failed(2, (1, 2))
    tree.record(failed)
    asked = analyzer.plan(failed, tree).request
    assert asked.phase == "final"
    assert [run.obs_id for run in asked.runs] == [1]
    assert [run.obs_id for run in asked.failed_runs] == [2]


def test_a_run_whose_dl3_failed_still_contributes_its_dl2(tree):
    tree.record(factories.dl2_ready(2, (2,)))
    failed = factories.run_failed(2, (2,))
    tree.record(failed)
    (run,) = analyzer.plan(failed, tree).request.runs
    assert run.dl2 is not None
    assert run.dl3 is None


def test_a_dl3_file_that_was_deleted_is_awaited_again(tree):
    first, last = (
        factories.dl3_ready(number, (1, 2), on_disk(tree, name, "dl3"))
        for number, name in ((1, "a"), (2, "b"))
    )
    for through in (first, last):
        tree.record(through)
    (tree.root / "b").unlink()
    assert analyzer.plan(last, tree).request.phase == "first-look"


def test_of_all_manifests_only_that_of_the_run_that_ended_last_asks_for_the_final_analysis(tree):
    for number, name in ((1, "a"), (2, "b")):
        tree.record(factories.dl2_ready(number, (1, 2)))
        tree.record(factories.dl3_ready(number, (1, 2), on_disk(tree, name, "dl3")))
    first, last = tree.newest_per_run(factories.make_request().id, Dl3Ready).values()
    assert isinstance(analyzer.plan(first, tree), Wait)
    assert analyzer.plan(last, tree).request.phase == "final"
    tree.record(first)
    assert analyzer.plan(first, tree).request.phase == "final"


def test_dl2_of_a_run_that_failed_before_makes_the_final_analysis_anew(tree):
    failed, late = factories.run_failed(1, (1, 2)), factories.dl2_ready(1, (1, 2))
    through = factories.dl3_ready(2, (1, 2), on_disk(tree, "b", "dl3"))
    for manifest in (failed, through, late):
        tree.record(manifest)
    assert [run.obs_id for run in analyzer.plan(late, tree).request.runs] == [1, 2]


def test_a_run_that_comes_through_after_a_failure_counts_as_through(tree):
    tree.record(factories.run_failed(1))
    through = factories.dl3_ready(1, (1,), on_disk(tree, "a", "dl3"))
    tree.record(through)
    asked = analyzer.plan(through, tree).request
    assert asked.failed_runs == ()


def test_an_analysis_that_fails_fails_the_request():
    (announced,) = analyzer.announce(factories.dl3_ready(), FAILED)
    assert isinstance(announced, RequestFailed)


def test_dl3_announces_how_its_irf_was_found(tree):
    report = Report(
        outcome="done",
        exit_code=0,
        products=(factories.make_product("dl3"),),
        facts={"irf_choice": "nearest", "made_of": ["a"]},
    )
    (announced,) = maker.announce(factories.dl2_ready(), report)
    assert isinstance(announced, Dl3Ready)
    assert announced.irf_choice == "nearest"


def test_the_first_look_stays_the_same_when_a_run_of_lower_number_follows(tree):
    first = factories.dl3_ready(5, (2, 5, 9), on_disk(tree, "a", "dl3"))
    tree.record(first)
    looked = analyzer.plan(first, tree)
    second = factories.dl3_ready(2, (2, 5, 9), on_disk(tree, "b", "dl3"))
    tree.record(second)
    assert analyzer.plan(second, tree) == looked


@pytest.mark.parametrize(
    "again",
    [
        factories.dl2_ready(dl2=factories.make_product("dl2", content="b")),
        factories.irf_ready().model_copy(
            update={"irfs": (factories.make_product("node_a", content="b"),)}
        ),
    ],
)
def test_a_dl3_whose_input_was_made_again_is_awaited_again(tree, again):
    for manifest in (factories.dl2_ready(), factories.irf_ready()):
        tree.record(manifest)
    through = factories.dl3_ready(1, (1,), on_disk(tree, "a", "dl3"))
    tree.record(through)
    assert analyzer.plan(through, tree).request.phase == "final"
    tree.record(again)
    assert isinstance(analyzer.plan(through, tree), Wait)
