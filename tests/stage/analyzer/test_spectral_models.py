"""Models fitted to spectra."""

import pytest

from foa_analyzer.results import Model
from foa_analyzer.spectral_models import FittedModel, assumed_model, fit_models, prefer


def make_fitted(name, statistic, *, converged=True):
    description = Model(
        name=name, converged=converged, reference=1, parameters={}, fit_statistic=statistic
    )
    return FittedModel(None, description)


def test_a_fit_finds_the_source(datasets, settings, flux):
    power_law, log_parabola = fit_models(datasets.stack_reduce(name="stacked"), settings)
    found = power_law.description
    assert found.converged
    assert found.reference == settings.reference_energy_tev
    index, amplitude = found.parameters["index"], found.parameters["amplitude"]
    assert abs(index.value - 2.5) < 3 * index.error
    # at 1 TeV, of a flux above 0.1 TeV: F · (Γ − 1) · 0.1^(Γ − 1)
    assert abs(amplitude.value - flux * 1.5 * 0.1**1.5) < 3 * amplitude.error
    assert amplitude.unit == "1 / (TeV s cm2)"
    assert set(log_parabola.description.parameters) == {"amplitude", "alpha", "beta"}


@pytest.mark.parametrize(
    ("gain", "converged", "preferred"),
    [(8.9, True, "power-law"), (9.1, True, "log-parabola"), (9.1, False, "power-law")],
)
def test_curvature_must_be_significant_at_three_sigma(gain, converged, preferred):
    simple = make_fitted("power-law", 20)
    curved = make_fitted("log-parabola", 20 - gain, converged=converged)
    assert prefer([simple, curved]).description.name == preferred


def test_limits_are_for_a_power_law_of_fixed_index(settings):
    model = assumed_model(settings)
    assert model.index.value == settings.upper_limit_index
    assert [one.name for one in model.parameters.free_parameters] == ["amplitude"]
