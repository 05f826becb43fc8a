"""Spectral models: fits, the preferred one, and the one assumed for upper limits."""

from dataclasses import dataclass

import astropy.units as u
from gammapy.datasets import SpectrumDatasetOnOff
from gammapy.modeling import Fit
from gammapy.modeling.models import (
    LogParabolaSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
    SpectralModel,
)

from foa_analyzer.results import Model, Parameter
from foa_stage.manifests import Analysis

SOURCE = "target"
"""Name of the source in datasets and estimators."""
AMPLITUDE = 1e-11 * u.Unit("cm-2 s-1 TeV-1")
"""Start of fits."""
CURVATURE_TS = 9.0
"""A log-parabola is preferred when it fits better than a power law by 3 σ."""


@dataclass(frozen=True)
class FittedModel:
    """A fitted model as Gammapy has it, and its description."""

    spectral: SpectralModel
    description: Model


def fit_models(stacked: SpectrumDatasetOnOff, settings: Analysis) -> list[FittedModel]:
    """Fit a power law and a log-parabola, in this order."""
    start = {"amplitude": AMPLITUDE, "reference": settings.reference_energy_tev * u.TeV}
    index = settings.upper_limit_index
    return [
        _fit(stacked, PowerLawSpectralModel(**start, index=index)),
        _fit(stacked, LogParabolaSpectralModel(**start, alpha=index, beta=0.1)),
    ]


def prefer(models: list[FittedModel]) -> FittedModel:
    """Return the simplest model that describes the data."""
    power_law, log_parabola = models
    simple, curved = power_law.description, log_parabola.description
    better = curved.converged and simple.fit_statistic - curved.fit_statistic > CURVATURE_TS
    return log_parabola if better else power_law


def assumed_model(settings: Analysis) -> SpectralModel:
    """Return the power law that upper limits are given for."""
    model = PowerLawSpectralModel(
        amplitude=AMPLITUDE,
        reference=settings.reference_energy_tev * u.TeV,
        index=settings.upper_limit_index,
    )
    model.index.frozen = True
    return model


def _fit(stacked: SpectrumDatasetOnOff, model: SpectralModel) -> FittedModel:
    stacked.models = [SkyModel(model, name=SOURCE)]
    result = Fit().run([stacked])
    free = [parameter for parameter in model.parameters if not parameter.frozen]
    description = Model(
        name="power-law" if isinstance(model, PowerLawSpectralModel) else "log-parabola",
        converged=bool(result.success),
        reference=float(model.reference.value),
        parameters={
            one.name: Parameter(value=float(one.value), error=float(one.error), unit=str(one.unit))
            for one in free
        },
        fit_statistic=float(stacked.stat_sum()),
    )
    return FittedModel(model, description)
