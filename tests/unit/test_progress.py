"""Where runs stand is told by names of files, for people and for Prometheus."""

import pytest

from foa.cli.output import make_console, print_rows
from foa.cli.progress import failure_of, run_stages, runs_table, states_of
from foa.pipeline.progress import newest_requests, progress_of
from foa_stage.jobs import Resources
from foa_stage.tree import Attempt, RunTree
from foa_testing.fakes import factories

RUNS = (1, 2, 3)


@pytest.fixture
def tree(tmp_path):
    tree = RunTree(tmp_path)
    for manifest in (
        factories.request_submitted(),
        factories.run_selected(1, RUNS),
        factories.run_selected(2, RUNS),
        factories.dl2_ready(1, RUNS),
        factories.run_failed(3, RUNS),
    ):
        tree.record(manifest)
    return tree


@pytest.fixture
def request_id():
    return factories.make_request().id


def test_stages_of_runs_are_in_the_order_in_which_runs_go_through_them():
    assert run_stages() == ("dl2-converter", "irf-builder", "dl3-maker")


def test_a_run_is_done_queued_waiting_or_failed(tree, request_id):
    attempt = Attempt(tree.work("dl2-converter", "a"), 1)
    attempt.begin(Resources(memory_mib=1, time_limit_s=1))
    tree.link_work(factories.run_selected(2), attempt.work, per_run=True)
    runs = progress_of(tree, request_id).runs
    assert {run: stages["dl2-converter"] for run, stages in runs.items()} == {
        1: "done",
        2: "queued",
        3: "failed",
    }
    assert runs[1]["irf-builder"] == "waiting"


def test_a_stage_that_a_failed_run_never_reached_was_skipped(tree, request_id):
    states = {state.obs_id: state for state in states_of(tree, request_id)}
    assert states[3].stages == {
        "dl2-converter": "skipped",
        "irf-builder": "skipped",
        "dl3-maker": "failed",
    }
    assert states[3].reason == "no IRF"
    assert (states[1].grade, states[1].reason) == ("good", "")


def test_a_request_is_finished_when_it_failed(tree, request_id):
    assert progress_of(tree, request_id).phase == "reconstructing"
    assert failure_of(tree, request_id) is None
    tree.record(factories.request_failed("no run"))
    assert failure_of(tree, request_id) == "no run"
    assert progress_of(tree, request_id).finished
    assert newest_requests(tree, 5) == [request_id]


def test_a_request_has_failed_though_its_reason_cannot_be_read(tree, request_id):
    tree.record(factories.request_failed("no run"))
    next(tree.root.rglob("request.failed.*")).unlink()
    assert failure_of(tree, request_id) == "its reason cannot be read"


def test_reasons_in_tables_are_no_markup(tree, request_id, capsys):
    failed = factories.run_failed(1, RUNS).model_copy(update={"reason": "[/b] is no file"})
    tree.record(failed)
    make_console().print(runs_table(tree, request_id))
    print_rows([{"request": "x [/b]", "value": None}], as_json=False)
    said = capsys.readouterr().out
    assert "[/b] is no file" in said
    assert "x [/b]" in said
