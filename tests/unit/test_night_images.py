"""Images of toy showers have the correlations that lstchain's Random Forests learn."""

import numpy as np
import pytest

from foa_testing.night.images import (
    CAMERA_RADIUS_M,
    METRES_PER_DEGREE,
    N_PIXELS,
    draw_images,
)
from foa_testing.night.showers import GAMMA, PROTON, Showers, mean_light

COS_ZENITH = 0.94
N = 5000


def draw(particle=GAMMA, seed=1, offset_deg=0.4, impact=None):
    """Showers of 1 to 3 TeV from one direction, and the columns of those that trigger."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(1.0, 3.0, N)
    impact = 150 * np.sqrt(rng.random(N)) if impact is None else np.full(N, impact)
    x, y = np.full(N, offset_deg * METRES_PER_DEGREE), np.zeros(N)
    showers = Showers(energy, impact, x, y, np.full(N, COS_ZENITH))
    seen, columns = draw_images(rng, showers, particle)
    return showers[seen], columns


def along_axis_from_source(showers, columns):
    """1 where psi points away from the source, else −1."""
    dx, dy = columns["x"] - showers.source_x, columns["y"] - showers.source_y
    return np.sign(dx * np.cos(columns["psi"]) + dy * np.sin(columns["psi"]))


def test_distance_from_the_source_measures_impact():
    showers, columns = draw()
    disp = np.hypot(columns["x"] - showers.source_x, columns["y"] - showers.source_y)
    assert np.corrcoef(disp, showers.impact)[0, 1] > 0.9


def test_longer_images_are_farther_from_their_source():
    showers, columns = draw()
    disp = np.hypot(columns["x"] - showers.source_x, columns["y"] - showers.source_y)
    assert np.corrcoef(disp, columns["length"])[0, 1] > 0.7


def test_width_never_exceeds_length():
    _, columns = draw(PROTON)
    assert (columns["width"] <= columns["length"]).all()
    assert np.array_equal(columns["wl"], columns["width"] / columns["length"])


@pytest.mark.parametrize(("impact", "sign"), [(40.0, -1), (180.0, 1)])
def test_the_time_gradient_tells_which_side_of_the_light_pool_the_telescope_is(impact, sign):
    showers, columns = draw(impact=impact)
    pool = mean_light(showers.energy, showers.impact, showers.cos_zenith, GAMMA).pool
    assert ((impact - pool) * sign > 0).all()
    gradient = columns["time_gradient"] * along_axis_from_source(showers, columns)
    assert np.sign(np.median(gradient)) == sign


def test_the_tail_of_an_image_points_away_from_its_source():
    showers, columns = draw()
    skewness = columns["skewness"] * along_axis_from_source(showers, columns)
    assert np.median(skewness) > 0.2


def test_images_leak_at_the_edge_of_the_camera_only():
    _, central = draw(offset_deg=0.0, impact=60.0)
    _, outer = draw(offset_deg=2.0)
    assert central["leakage_intensity_width_2"].max() < 0.05
    at_edge = outer["r"] > CAMERA_RADIUS_M - 0.05
    assert at_edge.any()
    assert np.median(outer["leakage_intensity_width_2"][at_edge]) > 0.2
    more = outer["leakage_intensity_width_2"] - outer["leakage_intensity_width_1"]
    assert more.min() >= 0


def test_fractions_are_fractions():
    _, columns = draw(PROTON, offset_deg=2.0)
    for name, values in columns.items():
        if name.startswith(("leakage", "concentration")):
            assert 0 <= values.min() <= values.max() <= 1


def test_images_have_whole_numbers_of_pixels_and_islands():
    _, columns = draw()
    assert columns["n_pixels"].dtype == columns["n_islands"].dtype == np.int64
    assert columns["n_pixels"].min() >= 3
    assert columns["n_pixels"].max() <= N_PIXELS
    assert columns["n_islands"].min() == 1


def test_protons_have_more_islands_than_gammas():
    _, gammas = draw()
    _, protons = draw(PROTON)
    assert protons["n_islands"].mean() > 1.4 * gammas["n_islands"].mean()


def test_the_same_seed_draws_the_same_images():
    _, one = draw(seed=3)
    _, other = draw(seed=3)
    assert all(np.array_equal(one[name], other[name]) for name in one)
    _, different = draw(seed=4)
    assert len(different["x"]) != len(one["x"]) or not np.array_equal(different["x"], one["x"])
