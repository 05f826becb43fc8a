"""Observed runs: what is in a DL1 file, and what the truth says of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tables
from lstchain.io.io import dl1_params_lstcam_key

from foa_testing.night.definition import RUNS, Defect
from foa_testing.night.dl1 import OBSERVED_COLUMNS
from foa_testing.night.observation import DEAD_TIME_S, FLATFIELD, PEDESTAL, SHOWER, observe

CRAB_RUN, TOO_RUN = RUNS[2], RUNS[0]
DURATION = 3.0


@pytest.fixture
def make(layout):
    """Observe for three seconds; the events and the truth."""

    def observed(run=CRAB_RUN, seed=1, **changes):
        run = replace(run, duration=DURATION, **changes)
        truth = observe(layout, run, seed)
        return pd.read_hdf(layout.dl1(run), key=dl1_params_lstcam_key), truth

    return observed


def test_events_are_in_order_and_apart_by_the_dead_time(make):
    events, truth = make()
    assert list(events.columns) == OBSERVED_COLUMNS
    assert np.diff(events.dragon_time).min() > DEAD_TIME_S - 1e-6
    assert events.event_id.tolist() == list(range(1, len(events) + 1))
    assert 0.9 * truth["n_events"] < len(events) <= truth["n_events"]


def test_showers_and_interleaved_events_come_at_their_rates(make):
    events, _ = make()
    numbers = events.event_type.value_counts()
    assert numbers[FLATFIELD] == pytest.approx(50 * DURATION, abs=10)
    assert numbers[PEDESTAL] == pytest.approx(50 * DURATION, abs=10)
    assert numbers[SHOWER] == pytest.approx(800 * DURATION, rel=0.3)


def test_pedestals_have_no_image(make):
    events, _ = make()
    pedestals = events[events.event_type == PEDESTAL]
    assert pedestals.intensity.isna().all()
    assert (pedestals.n_pixels == 0).all()


def test_a_run_without_interleaved_events_has_showers_only(make):
    events, _ = make(defect=Defect.NO_INTERLEAVED)
    assert set(events.event_type) == {SHOWER}


def test_a_truncated_file_cannot_be_read(make):
    with pytest.raises((tables.HDF5ExtError, OSError)):
        make(defect=Defect.TRUNCATED)


def test_clouds_take_showers(make):
    clear, _ = make()
    cloudy, _ = make(defect=Defect.CLOUDS, light_yield=0.6)
    showers = [(events.event_type == SHOWER).sum() for events in (clear, cloudy)]
    assert showers[1] < 0.7 * showers[0]


def test_only_a_source_with_flux_gives_gammas(make):
    _, crab = make()
    _, too = make(TOO_RUN)
    assert crab["n_gammas"] > 0
    assert too["n_gammas"] == 0
    assert crab["flux_crab"] == 1
    assert crab["defect"] == "none"


def test_the_same_seed_observes_the_same(make):
    one, _ = make()
    same, _ = make()
    other, _ = make(seed=2)
    pd.testing.assert_frame_equal(one, same)
    assert len(other) != len(one) or not other.equals(one)
