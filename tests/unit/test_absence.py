"""Why there are no runs: the reasons are told apart."""

from datetime import timedelta

import pytest

from foa_selector.absence import SearchedNight, explain_absence, explain_missing
from foa_selector.archives import ListedRun
from foa_testing.fakes.factories import NIGHT, make_request

TODAY = NIGHT + timedelta(days=10)
LISTS = ("run summary", "run catalog")


def searched(*sources, days=0, missing=(), others=()):
    """Return a night with one run of each source, from run 1 on."""
    runs = [ListedRun(obs_id, source, 0.0, 0.0) for obs_id, source in enumerate(sources, start=1)]
    types = {run.obs_id: "DATA" for run in runs} | dict(others)
    return SearchedNight(NIGHT + timedelta(days=days), runs, types, missing)


def absent(*nights, today=TODAY, obs_ids=None):
    request = make_request().model_copy(update={"obs_ids": obs_ids})
    return explain_absence(request, nights, today)


def test_a_night_of_other_targets_names_them_with_their_numbers_of_runs():
    assert absent(searched("M 1", "BL Lac", "M 1", "")) == (
        "no run of Crab within 2° on 2024-12-05: "
        "observed on 2024-12-05: M 1 (2 runs), BL Lac (1 run) and unnamed (1 run)"
    )


def test_a_night_with_lists_and_without_runs_saw_nothing():
    assert absent(searched()).endswith(": nothing was observed on 2024-12-05")


@pytest.mark.parametrize("missing", [LISTS, LISTS[:1], LISTS[1:]])
def test_a_night_without_lists_is_not_ready_yet(missing):
    reason = absent(searched(missing=missing))
    assert reason.endswith(f": there is no {' or '.join(missing)} yet of 2024-12-05")


def test_a_night_in_the_future_has_not_been_yet():
    yesterday = NIGHT - timedelta(days=1)
    assert absent(searched(missing=LISTS), today=yesterday).endswith(
        ": the night 2024-12-05 has not been yet (today is 2024-12-04)"
    )
    nights = [searched(days=day, missing=LISTS) for day in (0, 1)]
    assert "the nights 2024-12-05 to 2024-12-06 have not been yet" in absent(
        *nights, today=yesterday
    )


def test_each_reason_names_its_nights():
    nights = (
        searched("M 1"),
        *(searched(days=day, missing=LISTS) for day in (1, 2, 4)),
        searched("M 1", days=5),
        searched(days=6, missing=LISTS),
    )
    assert absent(*nights, today=NIGHT + timedelta(days=5)) == (
        "no run of Crab within 2° in the nights 2024-12-05 to 2024-12-07 "
        "and 2024-12-09 to 2024-12-11: "
        "the night 2024-12-11 has not been yet (today is 2024-12-10); "
        "there is no run summary or run catalog yet of 2024-12-06 to 2024-12-07 and 2024-12-09; "
        "observed in the nights 2024-12-05 and 2024-12-10: M 1 (2 runs)"
    )


def test_of_many_sources_those_with_most_runs_are_named():
    sources = [f"source {min(number, 20)}" for number in range(1, 31)]
    reason = absent(searched(*sources))
    assert "2024-12-05: source 20 (11 runs), source 1 (1 run)" in reason
    assert reason.endswith("and 8 other sources")


def test_run_numbers_of_which_none_exists_are_named():
    assert absent(searched("M 1"), obs_ids=(7, 8, 9)) == (
        "no run 7, 8 or 9 on 2024-12-05: observed on 2024-12-05: M 1 (1 run)"
    )


def missing_of(*nights, obs_ids):
    return explain_missing(make_request().model_copy(update={"obs_ids": obs_ids}), nights)


def test_of_run_numbers_those_that_do_not_exist_are_told():
    assert missing_of(searched("Crab"), obs_ids=(1, 7)) == {7: "no such run on 2024-12-05"}
    assert missing_of(searched("Crab"), obs_ids=None) == {}


def test_a_run_that_took_no_data_is_told_from_one_that_does_not_exist():
    night = searched("Crab", others={2: "PEDCALIB"})
    assert missing_of(night, obs_ids=(2,)) == {
        2: "the run on 2024-12-05 is of type PEDCALIB, not of type DATA"
    }


def test_a_run_may_be_of_a_night_that_is_not_listed_yet():
    nights = searched("Crab"), searched(days=1, missing=LISTS)
    assert missing_of(*nights, obs_ids=(1, 7)) == {
        7: "no such run in the nights 2024-12-05 to 2024-12-06; "
        "there is no run summary or run catalog yet of 2024-12-06"
    }
