"""Chaos: the plan is a function of its seed, and the checker finds what went wrong."""

import json
from random import Random

import pytest

from foa_testing.chaos.checker import (
    Expectation,
    Outcome,
    count_jobs,
    find_unexplained,
    is_fulfilled,
    judge,
    read_outcome,
)
from foa_testing.chaos.schedule import (
    BAD_RUN,
    PlannedRequest,
    alternatives,
    n_submitted,
    plan_faults,
    plan_requests,
)
from foa_testing.chaos.trace import find_repeated, read_trace

WEIGHTS = {"frequent": 9, "rare": 1}
PLANNED = PlannedRequest("Crab", (1, 2, BAD_RUN))
EXPECTED = Expectation(PLANNED)


def results(*made, failed=(BAD_RUN,), phase="final", target="Crab"):
    return {
        "phase": phase,
        "target": {"name": target},
        "runs": [{"obs_id": obs_id, "dl3": {"role": "dl3"}} for obs_id in made],
        "failed_runs": [{"obs_id": obs_id} for obs_id in failed],
    }


def repeated(*lines):
    return find_repeated(read_trace(lines))


def test_a_plan_is_a_function_of_its_seed():
    assert plan_requests(1, 20) == plan_requests(1, 20) != plan_requests(2, 20)
    faults = plan_faults(1, 50, WEIGHTS, 200)
    assert faults == plan_faults(1, 50, WEIGHTS, 200) != plan_faults(2, 50, WEIGHTS, 200)
    assert faults[0].chance(1).random() == faults[0].chance(1).random()
    assert faults[0].chance(1).random() != faults[1].chance(1).random()


def test_faults_come_as_often_as_their_weights_say_in_the_order_of_events():
    faults = plan_faults(1, 1000, WEIGHTS, 200)
    assert [fault.number for fault in faults] == list(range(1, 1001))
    assert sorted(fault.events for fault in faults) == [fault.events for fault in faults]
    assert 850 < sum(fault.name == "frequent" for fault in faults) < 950


def test_every_request_has_a_good_run_and_some_have_a_bad_one():
    requests = plan_requests(1, 200)
    assert all(request.good for request in requests)
    assert {request.bad for request in requests} == {frozenset(), frozenset({BAD_RUN})}
    assert len({request.target for request in requests}) == 200


def test_what_is_impossible_is_replaced_by_each_other_fault_once():
    assert alternatives("b", ["a", "b", "c"], Random(1))[0] == "b"
    assert sorted(alternatives("b", ["a", "b", "c"], Random(1))) == ["a", "b", "c"]


def test_requests_are_under_way_from_the_first_to_the_last_fault():
    numbers = [n_submitted(done, 100, 200, 12) for done in range(101)]
    assert numbers[0] == 12
    assert sorted(numbers) == numbers
    assert 180 < numbers[90] < numbers[100] == 200


def test_an_execution_is_read_from_start_to_end():
    killed, done = read_trace(["start dl2/k 1 7", "start dl2/k 2 8", "end dl2/k 2 8 done"])
    assert (killed.name, killed.pid, killed.ended) == ("dl2/k/1", 7, None)
    assert (done.name, done.started, done.ended, done.outcome) == ("dl2/k/2", 1, 2, "done")


@pytest.mark.parametrize(
    "lines",
    [
        ("start k 1 7", "start k 2 8", "end k 2 8 done"),  # the first was killed
        ("start k 1 7", "end k 1 7 failed", "start k 2 8", "end k 2 8 done"),
        ("start k 1 7", "end k 1 7 done", "start l 1 8", "end l 1 8 done"),
    ],
)
def test_what_was_killed_or_failed_may_be_executed_again(lines):
    assert repeated(*lines) == []


def test_an_attempt_that_is_executed_twice_is_found():
    assert repeated("start k 1 7", "start k 1 8", "end k 1 8 done") == ["k/1: executed twice"]


def test_work_that_is_done_again_is_found():
    lines = ("start k 1 7", "end k 1 7 done", "start k 2 8")
    assert repeated(*lines) == ["k/2: executed after 1 had done it"]


def test_two_executions_at_a_time_are_found():
    lines = ("start k 1 7", "start k 2 8", "end k 1 7 failed")
    assert repeated(*lines) == ["k/2: executed during 1"]


def test_a_request_is_fulfilled_by_final_results_of_its_good_runs():
    assert is_fulfilled(EXPECTED, Outcome(results(1, 2)))
    assert not is_fulfilled(EXPECTED, Outcome(None))
    assert not is_fulfilled(EXPECTED, Outcome(None, cancelled=True))


@pytest.mark.parametrize(
    "wrong",
    [
        results(1),
        results(1, 2, 3),
        results(1, 2, failed=()),
        results(1, 2, phase="first-look"),
        results(1, 2, target="Mrk 421"),
    ],
)
def test_other_results_are_wrong(wrong):
    verdict = judge({"r": EXPECTED}, {"r": Outcome(wrong)}, (), ())
    assert str(verdict) == "lost=0 twice=0 stuck=0 wrong=1"
    assert not verdict.passed


def test_a_run_without_a_dl3_file_is_no_result():
    without = results(1, 2) | {"runs": [{"obs_id": 1, "dl3": {}}, {"obs_id": 2, "dl3": None}]}
    assert not is_fulfilled(EXPECTED, Outcome(without))


def test_a_cancelled_request_may_end_either_way_but_not_without_anybodys_word():
    cancelled = Expectation(PLANNED, may_be_cancelled=True)
    assert is_fulfilled(cancelled, Outcome(None, cancelled=True))
    assert is_fulfilled(cancelled, Outcome(results(1, 2), cancelled=True))
    assert not is_fulfilled(cancelled, Outcome(None))


def test_failures_that_faults_give_are_explained_and_others_are_losses():
    explained = (
        "FAILED (exit 0, peak memory 10 MiB) after 2 attempts",
        "/archive/dl1_Crab_90_bad.h5: truncated",
        "selector: FAILED (exit 1, peak memory 0 MiB) after 2 attempts",
    )
    lost = "foa-dl2-converter-k-1 ended with 0, but its report or products are missing or corrupt"
    assert find_unexplained([*explained, lost]) == [lost]
    outcome = Outcome(results(1, 2), reasons=(*explained, lost))
    assert str(judge({"r": EXPECTED}, {"r": outcome}, (), ())).startswith("lost=1 ")


def test_a_verdict_counts_each_kind():
    trace = ["start k 1 7", "start k 1 8"]
    verdict = judge({"r": EXPECTED}, {"r": Outcome(None)}, trace, ["s"])
    assert str(verdict) == "lost=1 twice=1 stuck=1 wrong=0"


def test_jobs_of_one_attempt_are_counted():
    told = count_jobs(["k-1", "k-1", "l-1"], ["start k 1 7", "start l 1 8"])
    assert told == "jobs=3 submitted_again=1 executions=2"


def test_the_newest_of_the_final_results_counts(tmp_path):
    for version, made in (("002-final", 1), ("010-final", 2), ("011-first-look", 3)):
        (tmp_path / "results" / version).mkdir(parents=True)
        path = tmp_path / "results" / version / "results.json"
        path.write_text(json.dumps(results(made)))
    assert read_outcome(tmp_path) == Outcome(results(2))


def test_words_and_reasons_of_failures_are_read(tmp_path):
    told = {"_words/request.cancelled.00000.a.json": {}}
    told["g/run.failed.00001.b.json"] = {"reason": "NODE_FAIL (exit 0)"}
    told["g/request.failed.00000.c.json"] = {"reason": "selector: no run"}
    for name, content in told.items():
        (tmp_path / "manifests" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "manifests" / name).write_text(json.dumps(content))
    outcome = read_outcome(tmp_path)
    assert outcome.cancelled
    assert set(outcome.reasons) == {"NODE_FAIL (exit 0)", "selector: no run"}
