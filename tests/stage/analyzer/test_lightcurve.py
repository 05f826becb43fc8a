"""Light curves per run and per night."""

import pytest
from astropy.table import Table
from gammapy.data import Observations

from foa_analyzer.lightcurve import describe, estimate, find, intervals
from foa_analyzer.reflected_regions import extract
from foa_analyzer.spectral_models import assumed_model
from foa_analyzer.spectrum import SpectralFit


@pytest.fixture
def fit(datasets, settings):
    return SpectralFit(datasets, assumed_model(settings))


def test_every_run_has_the_flux_of_the_source(fit, settings, flux):
    curve = describe(estimate(fit.datasets, fit.model, settings, "run"), "run")
    assert curve.per == "run"
    assert (curve.energy_min, curve.energy_max) == pytest.approx((0.1, 10))
    assert len(curve.points) == 2
    for point in curve.points:
        assert abs(point.flux - flux) < 3 * point.flux_error
        assert point.flux < point.flux_upper_limit
        assert point.significance > 10
        assert (point.time_max - point.time_min) * 86400 == pytest.approx(1200)


def test_runs_of_a_night_make_one_point(fit, settings):
    per_run, per_night = (
        describe(estimate(fit.datasets, fit.model, settings, per), per) for per in ("run", "night")
    )
    (night,) = per_night.points
    assert night.significance > max(point.significance for point in per_run.points)
    assert night.flux_error < min(point.flux_error for point in per_run.points)


def test_nights_last_from_noon_to_noon(observe, target, settings):
    later = [observe(11, night=1), observe(2)]
    nights = intervals(extract(Observations(later), target, settings), "night")
    assert [start.utc.mjd for start, _ in nights] == pytest.approx([60649.5, 60650.5])
    assert [stop.utc.mjd for _, stop in nights] == pytest.approx([60650.5, 60651.5])


def test_runs_are_in_the_order_of_time(observe, target, settings):
    later = [observe(11, night=1), observe(2)]
    first, second = intervals(extract(Observations(later), target, settings), "run")
    assert first[1] < second[0]


def test_only_the_amplitude_is_free(fit, settings):
    estimate(fit.datasets, fit.model, settings, "run")
    free = fit.datasets.models.parameters.free_parameters
    assert [one.name for one in free] == ["amplitude"]


def test_curves_and_figure_are_written(fit, make_run_set, tmp_path):
    found = find(make_run_set(), fit)
    assert [curve.per for curve in found.findings.light_curves] == ["run", "night"]
    for name, write in found.files.items():
        write(tmp_path / name)
    assert len(Table.read(tmp_path / "light-curve-run.ecsv")) == 2
    assert len(Table.read(tmp_path / "light-curve-night.ecsv")) == 1
    assert (tmp_path / "light-curves.png").stat().st_size > 1000
