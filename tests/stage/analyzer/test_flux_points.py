"""Flux points and integral upper limits."""

import numpy as np
import pytest
from gammapy.modeling.models import SkyModel

from foa_analyzer.flux_points import describe_points, estimate_points, finite, integral_limit
from foa_analyzer.spectral_models import SOURCE, assumed_model


@pytest.fixture
def stacked(datasets, settings):
    dataset = datasets.stack_reduce(name="stacked")
    dataset.models = [SkyModel(assumed_model(settings), name=SOURCE)]
    return dataset


def set_counts(dataset, n_on, n_off):
    """Set the counts of every bin."""
    dataset.counts.data[:] = n_on
    dataset.counts_off.data[:] = n_off


def test_every_bin_has_a_point_or_a_limit(stacked, flux):
    points = list(describe_points(estimate_points(stacked)))
    assert len(points) == 4
    first = points[0]
    assert first.energy_min < first.energy_ref < first.energy_max
    expected = flux * 1.5 / 0.1 * (first.energy_ref / 0.1) ** -2.5
    assert abs(first.dnde - expected) < 3 * first.dnde_error
    assert first.significance > 10
    assert not first.is_upper_limit
    assert all(point.dnde < point.dnde_upper_limit for point in points)


def test_an_integral_limit_is_above_the_flux_that_is_there(stacked, settings, flux):
    limit = integral_limit(stacked, settings)
    assert (limit.energy_min, limit.energy_max) == pytest.approx((0.1, 10))
    assert limit.index == settings.upper_limit_index
    assert flux < limit.flux < 1.5 * flux


@pytest.mark.parametrize(("n_on", "n_off"), [(10, 90), (0, 30)])
def test_a_deficit_has_a_positive_limit_below_that_of_no_excess(stacked, settings, n_on, n_off):
    set_counts(stacked, n_off / 3, n_off)
    even = integral_limit(stacked, settings).flux
    set_counts(stacked, n_on, n_off)
    assert 0 < integral_limit(stacked, settings).flux < even


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_none(value):
    assert finite(value) is None
    assert finite(np.float32(1.5)) == 1.5
