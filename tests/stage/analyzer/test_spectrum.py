"""The spectrum of the target."""

import pytest
from astropy.table import Table

from foa_analyzer.spectrum import draw, find, measure

pytestmark = [
    # of Gammapy, which draws models, and of BAccMod, which divides by empty bins
    pytest.mark.filterwarnings("ignore:This axis already has a converter:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*divide:RuntimeWarning"),
]


def test_a_detected_source_has_models_and_no_limit(datasets, settings):
    spectrum, _, model = measure(datasets, settings, 2400)
    assert spectrum.detected
    assert spectrum.counts.significance > 15
    assert (spectrum.n_runs, spectrum.livetime_s) == (2, 2400)
    assert [one.name for one in spectrum.models] == ["power-law", "log-parabola"]
    assert spectrum.upper_limit is None
    preferred = next(one for one in spectrum.models if one.name == spectrum.preferred)
    assert model.amplitude.value == preferred.parameters["amplitude"].value


def test_what_is_not_detected_has_a_limit_and_no_models(datasets, settings):
    demanding = settings.model_copy(update={"detection_significance": 100})
    spectrum, _, model = measure(datasets, demanding, 2400)
    assert not spectrum.detected
    assert spectrum.models == ()
    assert spectrum.preferred is None
    assert spectrum.upper_limit.flux > 0
    assert model.index.value == settings.upper_limit_index


def test_points_and_figure_are_written(observe, make_run_set, tmp_path):
    run_set = make_run_set([observe(1), observe(2)])
    found = find(run_set, run_set.observations)
    assert len(found.data.datasets) == 2
    for name, write in found.files.items():
        write(tmp_path / name)
    table = Table.read(tmp_path / "flux-points.ecsv")
    spectrum = found.findings.spectrum
    assert len(table) == len(spectrum.flux_points)
    assert table["dnde"][0] == pytest.approx(spectrum.flux_points[0].dnde, rel=1e-3)
    assert (tmp_path / "spectrum.png").stat().st_size > 1000


def test_a_figure_can_do_without_a_model(datasets, settings, tmp_path):
    _, points, _ = measure(datasets, settings, 2400)
    draw(points, None, tmp_path / "spectrum.png")
    assert (tmp_path / "spectrum.png").stat().st_size > 1000
