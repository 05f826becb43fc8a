"""Primaries are drawn from the distributions that the rates of the night are computed with."""

import numpy as np
import pytest
from scipy.stats import kstest, uniform

from foa_testing.night.sampling import Beam, Thrower, join, throw_in_ring
from foa_testing.night.showers import FOCAL_LENGTH_M, GAMMA, THRESHOLD_PE, crab_flux, mean_light

N = 20_000


def beam(**changes):
    standard = {"particle": GAMMA, "spectrum": crab_flux, "energies_tev": (0.05, 10.0)}
    return Beam(**(standard | {"radius_m": 300.0, "cos_zenith": 0.94} | changes))


def p_value(values, low, high):
    """The probability that values are at least as far from uniform as these."""
    return kstest(values, uniform(low, high - low).cdf).pvalue


@pytest.mark.parametrize(("inner", "outer"), [(0.0, 8.0), (0.39, 0.41), (2.0, 3.0)])
def test_directions_in_a_ring_are_uniform_in_solid_angle(inner, outer):
    x, y = throw_in_ring(np.random.default_rng(1), N, inner, outer)
    cosines = np.cos(np.arctan(np.hypot(x, y) / FOCAL_LENGTH_M))
    low, high = np.cos(np.radians([outer, inner]))
    assert p_value(cosines, low, high) > 0.01
    assert p_value(np.arctan2(y, x), -np.pi, np.pi) > 0.01


def test_where_everything_is_bright_energies_follow_the_spectrum():
    def spectrum(energy):
        return energy**-2.0

    thrower = Thrower.prepare(beam(spectrum=spectrum, energies_tev=(1.0, 100.0)), light_yield=1e9)
    energy, impact = thrower.throw(np.random.default_rng(4), N)
    assert thrower.fraction == pytest.approx(1)
    assert thrower.integral == pytest.approx(1 - 1 / 100, rel=1e-3)
    # the integral of the spectrum up to the energy is uniform
    assert p_value((1 - 1 / energy) / (1 - 1 / 100), 0, 1) > 0.01
    assert p_value(impact**2, 0, 300.0**2) > 0.01


def test_only_showers_that_may_trigger_are_drawn():
    thrower = Thrower.prepare(beam())
    energy, impact = thrower.throw(np.random.default_rng(3), N)
    light = mean_light(energy, impact, np.asarray(0.94), GAMMA).size
    assert 0 < thrower.fraction < 1
    assert light.min() > 0.9 * THRESHOLD_PE / GAMMA.rejection
    assert 0.05 <= energy.min() < 0.06
    assert energy.max() <= 10.0
    assert impact[energy < 0.06].max() < 250 < impact.max() <= 300


def test_less_light_leaves_fewer_showers_of_the_same_spectrum():
    full, cloudy = Thrower.prepare(beam()), Thrower.prepare(beam(), light_yield=0.6)
    assert cloudy.fraction < full.fraction
    assert cloudy.integral == full.integral


def test_sets_of_images_are_joined_column_by_column():
    parts = [{"x": np.arange(2), "y": np.zeros(2)}, {"x": np.arange(3), "y": np.ones(3)}]
    joined = join(parts)
    assert joined["x"].tolist() == [0, 1, 0, 1, 2]
    assert joined["y"].tolist() == [0, 0, 1, 1, 1]
