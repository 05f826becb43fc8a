"""The toy showers behave like showers where the chain depends on it."""

import numpy as np
import pytest

from foa_testing.night.images import CAMERA_RADIUS_M, METRES_PER_DEGREE, draw_images
from foa_testing.night.sampling import Beam, Thrower, throw_in_ring
from foa_testing.night.showers import GAMMA, PROTON, Showers, crab_flux, proton_flux

COS_ZENITH = 0.94
N = 20_000


def throw(rng, particle, energies=(0.1, 20.0), n=N):
    energy = np.exp(rng.uniform(*np.log(energies), n))
    impact = 200 * np.sqrt(rng.random(n))
    x = np.full(n, 0.4 * METRES_PER_DEGREE)
    return Showers(energy, impact, x, np.zeros(n), np.full(n, COS_ZENITH)), rng


@pytest.fixture
def gammas():
    showers, rng = throw(np.random.default_rng(1), GAMMA)
    return showers, *draw_images(rng, showers, GAMMA)


def test_every_image_is_finite_and_in_the_camera(gammas):
    _, _, columns = gammas
    assert all(np.isfinite(values).all() for values in columns.values())
    assert columns["r"].max() < CAMERA_RADIUS_M + 0.02


def test_light_measures_energy(gammas):
    showers, seen, columns = gammas
    assert np.corrcoef(np.log(showers.energy[seen]), columns["log_intensity"])[0, 1] > 0.8


def test_the_axis_of_a_bright_image_points_at_the_source(gammas):
    showers, seen, columns = gammas
    bright = columns["intensity"] > 2000
    to_source = np.arctan2(
        columns["y"] - showers.source_y[seen], columns["x"] - showers.source_x[seen]
    )
    off_axis = np.abs((columns["psi"] - to_source + np.pi / 2) % np.pi - np.pi / 2)
    assert np.median(off_axis[bright]) < np.radians(10)


def test_protons_look_wider_than_gammas(gammas):
    showers, rng = throw(np.random.default_rng(2), PROTON)
    _, protons = draw_images(rng, showers, PROTON)
    assert np.median(protons["width"]) > 1.2 * np.median(gammas[2]["width"])


def test_less_light_means_fewer_and_fainter_images():
    showers, _ = throw(np.random.default_rng(3), GAMMA, energies=(0.1, 1.0))
    full, _ = draw_images(np.random.default_rng(4), showers, GAMMA)
    cloudy, _ = draw_images(np.random.default_rng(4), showers, GAMMA, light_yield=0.6)
    assert len(cloudy) < 0.85 * len(full)


def test_throwing_only_bright_showers_is_the_same_as_throwing_all():
    rng = np.random.default_rng(5)
    thrower = Thrower.prepare(Beam(GAMMA, crab_flux, (0.05, 10.0), 300.0, COS_ZENITH))
    n_all = 400_000
    log_energy = np.linspace(np.log(0.05), np.log(10.0), 4000)
    density = crab_flux(np.exp(log_energy)) * np.exp(log_energy)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    energy = np.exp(np.interp(rng.random(n_all) * cumulative[-1], cumulative, log_energy))
    impact = 300 * np.sqrt(rng.random(n_all))
    zeros, zenith = np.zeros(n_all), np.full(n_all, COS_ZENITH)
    everything, _ = draw_images(rng, Showers(energy, impact, zeros, zeros, zenith), GAMMA)

    n = rng.binomial(n_all, thrower.fraction)
    bright = thrower.throw(rng, n)
    chosen, _ = draw_images(
        rng, Showers(*bright, np.zeros(n), np.zeros(n), np.full(n, COS_ZENITH)), GAMMA
    )
    assert len(chosen) == pytest.approx(len(everything), abs=5 * np.sqrt(2 * len(everything)))


def test_the_proton_rate_is_that_of_the_telescope_above_250_photoelectrons():
    thrower = Thrower.prepare(Beam(PROTON, proton_flux, (0.08, 100.0), 1000.0, COS_ZENITH))
    rng = np.random.default_rng(6)
    rate = (
        thrower.integral * np.pi * 1e10 * 2 * np.pi * (1 - np.cos(np.radians(8))) * thrower.fraction
    )
    n = 200_000
    energy, impact = thrower.throw(rng, n)
    x, y = throw_in_ring(rng, n, 0, 8)
    seen, columns = draw_images(rng, Showers(energy, impact, x, y, np.full(n, COS_ZENITH)), PROTON)
    near_422 = (columns["intensity"] > 400) & (columns["intensity"] < 445)
    assert near_422.sum() / 45 * rate / n == pytest.approx(1.74, rel=0.2)
    assert len(seen) * rate / n == pytest.approx(800, rel=0.15)


def test_directions_in_a_ring_stay_in_it():
    x, y = throw_in_ring(np.random.default_rng(7), 1000, 0.39, 0.41)
    angle = np.hypot(x, y) / METRES_PER_DEGREE
    assert angle.min() > 0.389
    assert angle.max() < 0.411
