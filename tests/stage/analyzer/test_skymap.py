"""Sky maps around the target."""

import pytest
from astropy.coordinates import SkyCoord
from gammapy.data import Observations
from gammapy.maps import Map

from foa_analyzer.skymap import WRITTEN, find, make_maps

pytestmark = pytest.mark.filterwarnings("ignore:.*divide:RuntimeWarning")  # by empty bins


@pytest.fixture(scope="module")
def observations(observe):
    return Observations([observe(1), observe(2)])


@pytest.fixture(scope="module")
def made(observations, target, settings):
    return make_maps(observations, target, settings)


def test_the_source_is_the_peak_of_the_map(made, target):
    sky_map, _ = made
    peak = SkyCoord(sky_map.peak_ra, sky_map.peak_dec, unit="deg")
    assert peak.separation(target).deg < 0.1
    assert sky_map.peak_significance >= sky_map.significance > 15


def test_away_from_the_source_significances_are_those_of_noise(made):
    sky_map, maps = made
    assert sky_map.off_mean == pytest.approx(0, abs=0.2)
    assert sky_map.off_width == pytest.approx(1, abs=0.15)
    assert maps.off_significances.std() == pytest.approx(sky_map.off_width)


def test_counts_are_background_and_excess(made, target):
    _, maps = made
    at = (target.ra, target.dec)
    counts, background, excess = (
        image.get_by_coord(at)[0] for image in (maps.counts, maps.background, maps.excess)
    )
    assert counts == pytest.approx(background + excess, rel=1e-3)


def test_observations_without_a_background_get_one_modelled(observe, target, settings):
    observations = Observations([observe(1), observe(2)])
    sky_map, _ = make_maps(observations, target, settings)
    assert sky_map.background.startswith("BAccMod")
    assert all(one.bkg is not None for one in observations)


def test_a_background_of_the_irfs_is_taken(observe, target, settings):
    observations = Observations([observe(1, point_like=False)])
    sky_map, _ = make_maps(observations, target, settings)
    assert sky_map.background.startswith("IRF background")
    assert sky_map.significance > 10


def test_where_everything_is_excluded_nothing_is_known_of_the_noise(observe, target, settings):
    everything = settings.model_copy(update={"exclusion_radius_deg": 1.9})
    observations = Observations([observe(1, point_like=False)])
    sky_map, _ = make_maps(observations, target, everything)
    assert sky_map.off_mean is None
    assert sky_map.off_width is None


def test_maps_and_figure_are_written(observe, make_run_set, tmp_path):
    run_set = make_run_set([observe(1, point_like=False)])
    found = find(run_set, run_set.observations)
    for name, write in found.files.items():
        write(tmp_path / name)
    for name in WRITTEN:
        assert Map.read(tmp_path / f"map-{name}.fits").geom.is_image
    assert (tmp_path / "maps.png").stat().st_size > 1000
