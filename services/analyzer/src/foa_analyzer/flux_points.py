"""Flux points and integral upper limits."""

from collections.abc import Iterator

import astropy.units as u
import numpy as np
from astropy.table import Row
from gammapy.datasets import SpectrumDatasetOnOff
from gammapy.estimators import FluxPoints, FluxPointsEstimator
from gammapy.modeling.models import SkyModel
from scipy.optimize import brentq

from foa_analyzer.results import FluxPoint, UpperLimit
from foa_analyzer.spectral_models import AMPLITUDE, SOURCE
from foa_stage.manifests import Analysis

LIMIT_SIGMA = 2
"""Upper limits are where the fit statistic rises by 2² (95.4 %), Gammapy's default."""


def estimate_points(stacked: SpectrumDatasetOnOff, edges: u.Quantity | None = None) -> FluxPoints:
    """Estimate the flux of the dataset's model between energies; by default in every bin."""
    if edges is None:
        edges = stacked.counts.geom.axes["energy"].edges
    estimator = FluxPointsEstimator(energy_edges=edges, source=SOURCE, selection_optional=["ul"])
    return estimator.run([stacked])


def describe_points(points: FluxPoints) -> Iterator[FluxPoint]:
    """Describe every energy bin that has a flux or a limit."""
    for row in points.to_table(sed_type="dnde"):
        if np.isfinite(row["dnde"]) or np.isfinite(row["dnde_ul"]):
            yield _describe_point(row)


def _describe_point(row: Row) -> FluxPoint:
    return FluxPoint(
        energy_min=float(row["e_min"]),
        energy_ref=float(row["e_ref"]),
        energy_max=float(row["e_max"]),
        dnde=finite(row["dnde"]),
        dnde_error=finite(row["dnde_err"]),
        dnde_upper_limit=finite(row["dnde_ul"]),
        significance=finite(row["sqrt_ts"]),
        is_upper_limit=bool(row["is_ul"]),
    )


def finite(value: float) -> float | None:
    """Return a number; None in place of NaN and infinity."""
    return float(value) if np.isfinite(value) else None


def integral_limit(stacked: SpectrumDatasetOnOff, settings: Analysis) -> UpperLimit:
    """Limit the integral flux in the light curve's range of energy."""
    points = estimate_points(stacked, settings.light_curve_range_tev * u.TeV)
    row = points.to_table(sed_type="flux")[0]
    low, high = float(row["e_min"]), float(row["e_max"])
    if row["flux"] >= 0:
        flux = finite(row["flux_ul"])
    else:
        flux = _limit_above_zero(stacked, [low, high] * u.TeV)
    index = settings.upper_limit_index
    return UpperLimit(energy_min=low, energy_max=high, index=index, flux=flux)


def _limit_above_zero(stacked: SpectrumDatasetOnOff, edges: u.Quantity) -> float:
    """Limit a flux that cannot be negative, where the counts fluctuated down.

    The rise of the fit statistic is measured from a flux of zero, not from the negative best fit.
    """
    part = stacked.slice_by_energy(*edges)
    model = stacked.models[0].spectral_model.copy()
    part.models = [SkyModel(model, name=SOURCE)]

    def statistic(amplitude: float) -> float:
        model.amplitude.value = amplitude
        return float(part.stat_sum())

    at_zero, highest = statistic(0.0), AMPLITUDE.value

    def excess_rise(amplitude: float) -> float:
        return statistic(amplitude) - at_zero - LIMIT_SIGMA**2

    while excess_rise(highest) < 0:
        highest *= 2
    model.amplitude.value = brentq(excess_rise, 0.0, highest, xtol=highest * 1e-4)
    return float(model.integral(*edges).to_value("cm-2 s-1"))
