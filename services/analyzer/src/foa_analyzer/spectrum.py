"""1D spectrum of the target from reflected regions."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import astropy.units as u
import matplotlib.pyplot as plt
from gammapy.data import Observations
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPoints
from gammapy.modeling.models import SkyModel, SpectralModel

from foa_analyzer.figures import save
from foa_analyzer.flux_points import describe_points, estimate_points, finite, integral_limit
from foa_analyzer.observations import livetime
from foa_analyzer.reflected_regions import extract
from foa_analyzer.results import Counts, Spectrum, StepFindings
from foa_analyzer.spectral_models import SOURCE, assumed_model, fit_models, prefer
from foa_analyzer.steps import Found, RunSet
from foa_stage.manifests import Analysis


@dataclass(frozen=True)
class SpectralFit:
    """The spectra of single runs, and the model of their sum."""

    datasets: Datasets
    model: SpectralModel
    """The preferred model, or the one assumed for upper limits."""


def find(run_set: RunSet, observations: Observations) -> Found[SpectralFit]:
    """Find the spectrum of the target."""
    datasets = extract(observations, run_set.target, run_set.settings)
    spectrum, points, model = measure(datasets, run_set.settings, livetime(observations))
    table = points.to_table(sed_type="dnde", formatted=True)
    files = {
        "flux-points.ecsv": partial(table.write, overwrite=True),
        "spectrum.png": partial(draw, points, model if spectrum.detected else None),
    }
    return Found(StepFindings(spectrum=spectrum), files, SpectralFit(datasets, model))


def measure(
    datasets: Datasets, settings: Analysis, livetime_s: float
) -> tuple[Spectrum, FluxPoints, SpectralModel]:
    """Measure the spectrum of all datasets together.

    Returns
    -------
    tuple
        The finding, with fitted models if the source is detected, else with an upper limit; the
        flux points; the preferred model, or the one assumed for upper limits.
    """
    counts, stacked = _counts(datasets), datasets.stack_reduce(name="stacked")
    significance = counts.significance
    detected = significance is not None and significance >= settings.detection_significance
    models = fit_models(stacked, settings) if detected else []
    preferred = prefer(models) if models else None
    model = preferred.spectral if preferred else assumed_model(settings)
    stacked.models = [SkyModel(model, name=SOURCE)]
    points = estimate_points(stacked)
    spectrum = Spectrum(
        counts=counts,
        livetime_s=livetime_s,
        n_runs=len(datasets),
        detected=detected,
        models=tuple(one.description for one in models),
        preferred=preferred.description.name if preferred else None,
        flux_points=tuple(describe_points(points)),
        upper_limit=None if detected else integral_limit(stacked, settings),
    )
    return spectrum, points, model


def _counts(datasets: Datasets) -> Counts:
    total = datasets.info_table(cumulative=True)[-1]
    return Counts(
        n_on=float(total["counts"]),
        n_off=float(total["counts_off"]),
        acceptance_ratio=finite(total["alpha"]),
        excess=finite(total["excess"]),
        significance=finite(total["sqrt_ts"]),
    )


def draw(points: FluxPoints, model: SpectralModel | None, path: Path) -> None:
    """Draw the spectral energy distribution: points, upper limits and the preferred model."""
    figure, axes = plt.subplots(figsize=(7, 5))
    energies = points.energy_min.min(), points.energy_max.max()
    axes.xaxis.set_units(u.TeV)
    axes.yaxis.set_units(u.Unit("TeV cm-2 s-1"))
    points.plot(ax=axes, sed_type="e2dnde", label="flux points")
    if model is not None:
        style = {"ax": axes, "energy_bounds": energies, "sed_type": "e2dnde"}
        model.plot(**style, label="preferred model")
        model.plot_error(**style)
    axes.set(xscale="log", yscale="log")
    axes.legend()
    save(figure, path)
