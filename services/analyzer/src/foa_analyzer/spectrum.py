"""1D spectrum from reflected regions: energy-dependent RAD_MAX cuts, or a fixed region with full-enclosure IRFs."""

import math

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Row
from foa.manifests import Analysis
from foa.stage import NothingLeft
from gammapy.data import Observations
from gammapy.datasets import Datasets, SpectrumDataset, SpectrumDatasetOnOff
from gammapy.estimators import FluxPoints, FluxPointsEstimator
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    SafeMaskMaker,
    SpectrumDatasetMaker,
    WobbleRegionsFinder,
)
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import LogParabolaSpectralModel, PowerLawSpectralModel, SkyModel, SpectralModel
from regions import CircleSkyRegion, PointSkyRegion
from scipy.optimize import brentq

from foa_analyzer.observations import is_point_like, livetime
from foa_analyzer.results import Counts, FluxPoint, Model, Parameter, Spectrum, UpperLimit

SOURCE = "target"
AMPLITUDE = 1e-11 * u.Unit("cm-2 s-1 TeV-1")
"""Where fits start."""
AEFF_MAX_PERCENT = 10
"""Full-enclosure IRFs: energies where the effective area is below this share of its maximum are left out."""
LIMIT_SIGMA = 2
"""Upper limits are where the fit statistic rises by 2² (95.4 %), Gammapy's default."""
CURVATURE_TS = 9.0
"""A log-parabola is preferred when it fits better than a power law by 3 σ."""


def extract(observations: Observations, target: SkyCoord, choice: Analysis) -> Datasets:
    """On and off spectra of every observation.

    Raises
    ------
    NothingLeft
        If no observation has room for an off region.
    """
    point_like = is_point_like(observations)
    empty = SpectrumDataset.create(_region(target, choice, point_like), energy_axis_true=_true_energy(choice))
    maker = SpectrumDatasetMaker(
        containment_correction=not point_like,
        selection=["counts", "exposure", "edisp"],
        use_region_center=True,
    )
    background = ReflectedRegionsBackgroundMaker(
        region_finder=WobbleRegionsFinder(choice.n_off_regions) if point_like else None
    )
    datasets = Datasets()
    for observation in observations:
        dataset = background.run(maker.run(empty.copy(name=f"run {observation.obs_id}"), observation), observation)
        if not point_like:
            dataset = SafeMaskMaker(methods=["aeff-max"], aeff_percent=AEFF_MAX_PERCENT).run(dataset, observation)
        if dataset.counts_off is not None:
            datasets.append(dataset)
    if not len(datasets):
        raise NothingLeft("no observation has room for an off region beside the target")
    return datasets


def _region(target: SkyCoord, choice: Analysis, point_like: bool) -> RegionGeom:
    """A point, whose size the RAD_MAX table gives, or a circle."""
    region = PointSkyRegion(target) if point_like else CircleSkyRegion(target, choice.on_radius_deg * u.deg)
    low, high = choice.energy_range_tev
    axis = MapAxis.from_energy_bounds(low * u.TeV, high * u.TeV, choice.bins_per_decade, per_decade=True, name="energy")
    return RegionGeom.create(region, axes=[axis])


def _true_energy(choice: Analysis) -> MapAxis:
    low, high = choice.true_energy_range_tev
    return MapAxis.from_energy_bounds(
        low * u.TeV, high * u.TeV, choice.true_bins_per_decade, per_decade=True, name="energy_true"
    )


def measure(
    observations: Observations, datasets: Datasets, choice: Analysis
) -> tuple[Spectrum, FluxPoints, SpectralModel]:
    """Counts, fitted models and flux points, or upper limits where nothing is detected.

    Also returns the flux points and the preferred model as Gammapy's own objects; `datasets` are left with it.
    """
    counts = _counts(datasets)
    detected = counts.significance is not None and counts.significance >= choice.detection_significance
    stacked = datasets.stack_reduce(name="stacked")
    fits = [_fit(stacked, model) for model in _start_models(choice)] if detected else []
    models = [described for described, _ in fits]
    preferred, spectral = _prefer(fits) if detected else (None, _assumed(choice))
    stacked.models = [SkyModel(spectral, name=SOURCE)]
    points = _estimate_points(stacked)
    limit = None if detected else _integral_limit(stacked, choice)
    spectrum = Spectrum(
        counts=counts, livetime_s=livetime(observations), n_runs=len(datasets), detected=detected, models=tuple(models),
        preferred=preferred, flux_points=tuple(_describe_points(points)), upper_limit=limit,
    )  # fmt: skip
    return spectrum, points, spectral


def _counts(datasets: Datasets) -> Counts:
    total = datasets.info_table(cumulative=True)[-1]
    ratio, excess = float(total["alpha"]), float(total["excess"])
    n_on, n_off = float(total["counts"]), float(total["counts_off"])
    significance = float(total["sqrt_ts"])
    return Counts(
        n_on=n_on, n_off=n_off, acceptance_ratio=ratio if math.isfinite(ratio) else None,
        excess=excess if math.isfinite(excess) else None,
        significance=significance if math.isfinite(significance) else None,
    )  # fmt: skip


def _start_models(choice: Analysis) -> list[SpectralModel]:
    reference = choice.reference_energy_tev * u.TeV
    return [
        PowerLawSpectralModel(amplitude=AMPLITUDE, reference=reference, index=choice.upper_limit_index),
        LogParabolaSpectralModel(amplitude=AMPLITUDE, reference=reference, alpha=choice.upper_limit_index, beta=0.1),
    ]


def _assumed(choice: Analysis) -> SpectralModel:
    """The power law upper limits are given for."""
    model = _start_models(choice)[0]
    model.index.frozen = True
    return model


def _fit(stacked: SpectrumDatasetOnOff, model: SpectralModel) -> tuple[Model, SpectralModel]:
    stacked.models = [SkyModel(model, name=SOURCE)]
    result = Fit().run([stacked])
    parameters = {
        parameter.name: Parameter(value=float(parameter.value), error=float(parameter.error), unit=str(parameter.unit))
        for parameter in model.parameters
        if not parameter.frozen
    }
    described = Model(
        name="power-law" if isinstance(model, PowerLawSpectralModel) else "log-parabola",
        converged=bool(result.success),
        reference=float(model.reference.value), parameters=parameters, fit_statistic=float(stacked.stat_sum()),
    )  # fmt: skip
    return described, model


def _prefer(fits: list[tuple[Model, SpectralModel]]) -> tuple[str, SpectralModel]:
    """The simplest model that describes the data."""
    (simple, power_law), (curved, log_parabola) = fits
    better = curved.converged and simple.fit_statistic - curved.fit_statistic > CURVATURE_TS
    return (curved.name, log_parabola) if better else (simple.name, power_law)


def _estimate_points(stacked: SpectrumDatasetOnOff) -> FluxPoints:
    edges = stacked.counts.geom.axes["energy"].edges
    return FluxPointsEstimator(energy_edges=edges, source=SOURCE, selection_optional=["ul"]).run([stacked])


def _describe_points(points: FluxPoints) -> list[FluxPoint]:
    """One entry per energy bin with counts."""
    table = points.to_table(sed_type="dnde")
    return [_describe_point(row) for row in table if np.isfinite(row["dnde"]) or np.isfinite(row["dnde_ul"])]


def _describe_point(row: Row) -> FluxPoint:
    return FluxPoint(
        energy_min=float(row["e_min"]), energy_ref=float(row["e_ref"]), energy_max=float(row["e_max"]),
        dnde=finite(row["dnde"]), dnde_error=finite(row["dnde_err"]), dnde_upper_limit=finite(row["dnde_ul"]),
        significance=finite(row["sqrt_ts"]), is_upper_limit=bool(row["is_ul"]),
    )  # fmt: skip


def finite(value: float) -> float | None:
    """None where there is no number."""
    return float(value) if np.isfinite(value) else None


def _integral_limit(stacked: SpectrumDatasetOnOff, choice: Analysis) -> UpperLimit:
    low, high = choice.light_curve_range_tev
    edges = [low, high] * u.TeV
    points = FluxPointsEstimator(energy_edges=edges, source=SOURCE, selection_optional=["ul"]).run([stacked])
    row = points.to_table(sed_type="flux")[0]
    edges = u.Quantity([row["e_min"], row["e_max"]], "TeV")
    flux = finite(row["flux_ul"]) if row["flux"] >= 0 else _limit_above_zero(stacked, edges)
    return UpperLimit(energy_min=edges[0].value, energy_max=edges[1].value, index=choice.upper_limit_index, flux=flux)


def _limit_above_zero(stacked: SpectrumDatasetOnOff, edges: u.Quantity) -> float:
    """Limit on a flux that cannot be negative, where the counts fluctuated down: measured from zero, not from below."""
    part = stacked.slice_by_energy(*edges)
    model = stacked.models[0].spectral_model.copy()
    part.models = [SkyModel(model, name=SOURCE)]

    def rise(amplitude: float) -> float:
        model.amplitude.value = amplitude
        return float(part.stat_sum())

    at_zero = rise(0.0)
    highest = AMPLITUDE.value
    while rise(highest) - at_zero < LIMIT_SIGMA**2:
        highest *= 2
    model.amplitude.value = brentq(lambda a: rise(a) - at_zero - LIMIT_SIGMA**2, 0.0, highest, xtol=highest * 1e-4)
    return float(model.integral(*edges).to_value("cm-2 s-1"))
