"""Counting on and off events."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from foa_analyzer.counting import NoOffRegion, OnOffHistograms, RunCounter, bin_edges, count
from foa_analyzer.observations import off_positions
from foa_stage.manifests import Interval, Theta2Cuts

TARGET = SkyCoord(83.63, 22.01, unit="deg")
POINTING = TARGET.directional_offset_by(90 * u.deg, 0.4 * u.deg)
CUTS = Theta2Cuts(
    name="test",
    min_gammaness=0,
    min_intensity_pe=0,
    energy_tev=Interval(low=0, high=10),
    max_theta2_deg2=0.04,
    n_off_regions=3,
)


@pytest.fixture
def histograms():
    return OnOffHistograms.empty(CUTS, 0.5)


def count_run(events, pointing=POINTING):
    counter = RunCounter(CUTS, bin_edges(0.5), pointing, TARGET)
    counter.add(events)
    return counter.counts


def test_significance_is_that_of_li_and_ma():
    # Li & Ma 1983, eq. 17, evaluated for these numbers
    n_on, n_off, alpha = 140, 300, 1 / 3
    log_on = n_on * np.log((1 + alpha) / alpha * n_on / (n_on + n_off))
    log_off = n_off * np.log((1 + alpha) * n_off / (n_on + n_off))
    expected = np.sqrt(2 * (log_on + log_off))
    assert count(n_on, n_off, alpha).significance == pytest.approx(expected)


def test_a_deficit_has_a_negative_significance():
    assert count(10, 90, 1 / 3).significance < 0


def test_no_counts_have_no_significance():
    assert count(0, 0, 1).significance is None


def test_events_at_the_target_are_on_and_events_opposite_are_off(histograms):
    (opposite,) = off_positions(POINTING, TARGET, (180,))
    events = SkyCoord([TARGET] * 5 + [opposite] * 2)
    histograms.add(count_run(events), 100.0)
    counts = histograms.describe("DL3").counts
    assert (counts.n_on, counts.n_off) == (5, 2)
    assert counts.acceptance_ratio == pytest.approx(1 / 3)


def test_pieces_of_a_run_count_as_the_run_does():
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(83, 84.3, 500), rng.uniform(21.4, 22.6, 500)
    whole = count_run(SkyCoord(ra, dec, unit="deg"))
    counter = RunCounter(CUTS, bin_edges(0.5), POINTING, TARGET)
    for piece in np.array_split(np.arange(500), 7):
        counter.add(SkyCoord(ra[piece], dec[piece], unit="deg"))
    assert whole.histograms.sum() > 100
    assert np.array_equal(counter.counts.histograms, whole.histograms)
    assert np.array_equal(counter.counts.below_cut, whole.below_cut)


def test_a_distribution_holds_what_its_runs_have_in_sum(histograms):
    for _ in range(2):
        histograms.add(count_run(SkyCoord([TARGET])), 100.0)
    found = histograms.describe("DL2")
    assert (found.n_runs, found.effective_s, found.counts.n_on) == (2, 200.0, 2)
    assert (found.name, found.level, found.cut) == ("test", "DL2", 0.04)
    assert len(found.edges) == len(found.on) + 1 == len(found.off) + 1
    assert sum(found.on) == 2


def test_a_target_in_the_centre_of_the_camera_has_no_off_region(histograms):
    histograms.add(count_run(SkyCoord([TARGET]), TARGET), 100.0)
    with pytest.raises(NoOffRegion, match="no off region fits"):
        histograms.describe("DL3")


def test_a_run_without_the_others_number_of_off_regions_is_left_out(histograms):
    near = TARGET.directional_offset_by(90 * u.deg, 0.21 * u.deg)
    assert histograms.add(count_run(SkyCoord([TARGET])), 100.0)
    assert not histograms.add(count_run(SkyCoord([TARGET]), near), 100.0)
    assert histograms.n_runs == 1
    assert histograms.effective_s == 100.0
