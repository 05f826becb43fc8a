"""On and off spectra of observations."""

import pytest
from gammapy.data import Observations

from foa_analyzer.reflected_regions import extract
from foa_stage.runner import NothingLeft


def test_with_point_like_irfs_on_regions_are_as_large_as_rad_max(datasets):
    assert [dataset.name for dataset in datasets] == ["run 1", "run 2"]
    for dataset in datasets:
        assert dataset.counts.data.sum() > 130  # 96 % of 150, and cosmics
        assert dataset.acceptance_off.data.max() == 3


def test_fewer_off_regions_can_be_wanted(observe, target, settings):
    one = settings.model_copy(update={"n_off_regions": 1})
    (dataset,) = extract(Observations([observe(1)]), target, one)
    assert dataset.acceptance_off.data.max() == 1


def test_bins_are_those_of_the_settings(datasets, settings):
    energy = datasets[0].counts.geom.axes["energy"]
    low, high = energy.edges[[0, -1]].to_value("TeV")
    assert (low, high) == pytest.approx(settings.energy_range_tev)
    assert energy.nbin == 4  # 2 decades of 2 bins
    true = datasets[0].exposure.geom.axes["energy_true"].edges.to_value("TeV")
    assert (true[0], true[-1]) == pytest.approx(settings.true_energy_range_tev)


def test_with_full_enclosure_irfs_the_on_region_has_a_fixed_size(observe, target, settings):
    (dataset,) = extract(Observations([observe(1, point_like=False)]), target, settings)
    assert dataset.counts.geom.region.radius.to_value("deg") == settings.on_radius_deg
    assert dataset.acceptance_off.data.max() > 3
    # corrected for the share of the source outside: 1 - exp(-(0.11/0.06)²/2) = 0.81 is inside
    exposure = dataset.exposure.quantity.max().to_value("m2 s")
    assert exposure == pytest.approx(0.81 * 1e5 * 1200, rel=0.05)


def test_a_target_in_the_centre_of_the_camera_has_no_spectrum(observe, target, settings):
    centred = Observations([observe(1, point_like=False, offset_deg=0.05)])
    with pytest.raises(NothingLeft, match="no observation has room for an off region"):
        extract(centred, target, settings)
