"""The criteria of the data-quality notebook, one by one."""

import math

import numpy as np
import pytest

from foa_selector.quality import (
    evaluate,
    fit_quality,
    grade_of,
    mean_pointing,
    separation_deg,
    steadiness,
)
from foa_stage.manifests import Grade, Selection
from foa_testing.fakes.factories import CRAB, GOOD_SUBRUN

N_SUBRUNS = 10


def subruns(**changes):
    table = np.zeros(N_SUBRUNS, dtype=[(name, float) for name in GOOD_SUBRUN])
    for name, value in (GOOD_SUBRUN | {"time": np.arange(N_SUBRUNS) * 10.0} | changes).items():
        table[name] = value
    return table


def summary(num_flatfield=100.0, num_pedestals=100.0):
    kinds = [("num_flatfield", float), ("num_pedestals", float)]
    return np.array([(num_flatfield, num_pedestals)], dtype=kinds)[0]


def failing(table=None, row=None, limits=None):
    table = subruns() if table is None else table
    criteria = evaluate(table, row or summary(), CRAB, limits or Selection())
    return {criterion.name for criterion in criteria if criterion.passed is False}


def test_a_good_run_passes_everything():
    criteria = evaluate(subruns(), summary(), CRAB, Selection())
    assert grade_of(criteria) is Grade.GOOD
    assert failing() == set()


@pytest.mark.parametrize(
    ("changes", "criterion"),
    [
        ({"dec_tel": CRAB.dec + 0.5}, "wobble_offset"),
        ({"dec_tel": CRAB.dec + 0.3}, "wobble_offset"),
        ({"dec_tel": CRAB.dec + 0.4 + 0.02 * np.array([1, -1] * 5)}, "pointing_stability"),
        ({"cos_zenith": 0.2}, "zenith"),
        ({"intensity_spectrum_fit_p_value": 0.1}, "fit_quality"),
        ({"ZD_corrected_cosmics_spectral_index": -2.4}, "cosmics_index"),
        ({"ZD_corrected_cosmics_spectral_index": -2.05}, "cosmics_index"),
        ({"ZD_corrected_cosmics_rate_at_422_pe": 1.4}, "cosmics_rate"),
        ({"ZD_corrected_cosmics_rate_at_422_pe": np.linspace(1.6, 2.4, 10)}, "cosmics_steadiness"),
    ],
)
def test_each_fault_fails_its_own_criterion(changes, criterion):
    assert failing(subruns(**changes)) == {criterion}


@pytest.mark.parametrize("row", [summary(num_flatfield=0), summary(num_pedestals=math.nan)])
def test_a_run_without_interleaved_events_fails(row):
    assert failing(row=row) == {"interleaved"}


@pytest.mark.parametrize(
    ("limits", "criterion"),
    [
        (Selection(max_nsb_std_pe=1.4), "night_sky_background"),
        (Selection(max_threshold_pe=40), "threshold"),
        (Selection(max_periodogram=0.5), "periodogram"),
    ],
)
def test_optional_cuts_work_when_asked_for(limits, criterion):
    swinging = 1.7 + 0.05 * np.sin(0.09 * np.arange(N_SUBRUNS) * 10)
    assert failing(subruns(ZD_corrected_cosmics_rate_at_422_pe=swinging), limits=limits) == {
        criterion
    }


def test_means_pass_over_missing_subruns():
    index = np.full(N_SUBRUNS, -2.23)
    index[3] = math.nan
    assert failing(subruns(ZD_corrected_cosmics_spectral_index=index)) == set()


def test_a_criterion_that_cannot_be_evaluated_makes_a_run_usable_not_bad():
    unknown = subruns(ZD_corrected_cosmics_spectral_index=math.nan)
    assert grade_of(evaluate(unknown, summary(), CRAB, Selection())) is Grade.USABLE


def test_every_criterion_tells_value_and_limit():
    criteria = evaluate(subruns(), summary(), CRAB, Selection())
    (rate,) = (criterion for criterion in criteria if criterion.name == "cosmics_rate")
    assert (rate.value, rate.limit) == (pytest.approx(1.7), "above 1.5")


def test_right_ascension_is_averaged_around_the_circle():
    pointing = mean_pointing(subruns(ra_tel=np.array([359.9, 0.1] * 5)))
    assert separation_deg(pointing.ra, 0, 0, 0) < 1e-6


def test_separation_of_small_and_large_angles():
    assert separation_deg(10, 60, 10, 60.4) == pytest.approx(0.4)
    assert separation_deg(0, 0, 90, 0) == pytest.approx(90)


def test_steadiness_is_the_fullest_window():
    assert steadiness(np.array([1.0, 1.1, 1.12, 3.0]), 0.15) == 0.75
    assert steadiness(np.full(5, 1.7), 0.15) == 1


def test_fit_quality_is_in_standard_deviations():
    assert fit_quality(np.full(12, 0.25)) == pytest.approx(-3)


def test_rates_that_are_all_missing_have_no_steadiness():
    assert math.isnan(steadiness(np.full(5, math.nan), 0.15))


def test_the_criteria_keep_their_names_and_order():
    names = [criterion.name for criterion in evaluate(subruns(), summary(), CRAB, Selection())]
    assert names == [
        "interleaved",
        "wobble_offset",
        "pointing_stability",
        "zenith",
        "night_sky_background",
        "fit_quality",
        "periodogram",
        "cosmics_index",
        "cosmics_rate",
        "cosmics_steadiness",
        "threshold",
    ]
