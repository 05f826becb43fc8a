"""Counting on and off events, and limits."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from foa.manifests import Interval, Theta2Cuts
from foa_analyzer.observations import off_angles, off_positions
from foa_analyzer.theta2 import NoOffRegion, _conclude, _Sums, count

TARGET = SkyCoord(83.63, 22.01, unit="deg")
POINTING = TARGET.directional_offset_by(90 * u.deg, 0.4 * u.deg)
CUTS = Theta2Cuts(
    name="test", min_gammaness=0, min_intensity_pe=0, energy_tev=Interval(low=0, high=10), max_theta2_deg2=0.04,
    n_off_regions=3,
)  # fmt: skip


def test_significance_is_that_of_li_and_ma():
    # Li & Ma 1983, eq. 17, evaluated for these numbers
    n_on, n_off, alpha = 140, 300, 1 / 3
    log_on = n_on * np.log((1 + alpha) / alpha * n_on / (n_on + n_off))
    log_off = n_off * np.log((1 + alpha) * n_off / (n_on + n_off))
    assert count(n_on, n_off, alpha).significance == pytest.approx(np.sqrt(2 * (log_on + log_off)))


def test_a_deficit_has_a_negative_significance():
    assert count(10, 90, 1 / 3).significance < 0


def test_no_counts_have_no_significance():
    assert count(0, 0, 1).significance is None


@pytest.mark.parametrize(
    ("separation", "radius", "wanted", "angles"),
    [
        (0.4, 0.2, 3, (90, 180, 270)),
        (0.4, 0.2, 1, (180,)),
        (0.4, 0.35, 3, (180,)),  # more would overlap
        (0.4, 0.3, 3, (120, 240)),  # a third would overlap
        (0.15, 0.2, 3, ()),
    ],
)
def test_off_regions_are_even_and_do_not_overlap(separation, radius, wanted, angles):
    assert off_angles(separation, radius, wanted) == pytest.approx(angles)


def test_off_positions_are_as_far_from_the_pointing_as_the_target():
    for position in off_positions(POINTING, TARGET, (90, 180, 270)):
        assert POINTING.separation(position).deg == pytest.approx(0.4)


def test_events_at_the_target_are_on_and_events_opposite_are_off():
    sums = _Sums.empty(0.5)
    (opposite,) = off_positions(POINTING, TARGET, (180,))
    events = SkyCoord([TARGET] * 5 + [opposite] * 2)
    sums.add(events, POINTING, TARGET, CUTS)
    counts = _conclude(sums, CUTS, "DL3", 100.0).counts
    assert (counts.n_on, counts.n_off) == (5, 2)
    assert counts.acceptance_ratio == pytest.approx(1 / 3)


def test_a_target_in_the_centre_of_the_camera_has_no_off_region():
    sums = _Sums.empty(0.5)
    sums.add(SkyCoord([TARGET]), TARGET, TARGET, CUTS)
    with pytest.raises(NoOffRegion, match="no off region fits"):
        _conclude(sums, CUTS, "DL3", 100.0)


def test_a_run_without_the_others_number_of_off_regions_is_left_out():
    sums = _Sums.empty(0.5)
    near = TARGET.directional_offset_by(90 * u.deg, 0.21 * u.deg)
    assert sums.add(SkyCoord([TARGET]), POINTING, TARGET, CUTS)
    assert not sums.add(SkyCoord([TARGET]), near, TARGET, CUTS)
    assert sums.n_runs == 1
