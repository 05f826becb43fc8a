"""Light curves per run and per night."""

from typing import Literal

import astropy.units as u
import numpy as np
from astropy.table import Row
from astropy.time import Time
from foa.manifests import Analysis
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPoints, LightCurveEstimator
from gammapy.modeling.models import SkyModel, SpectralModel

from foa_analyzer.results import LightCurve, LightCurvePoint
from foa_analyzer.spectrum import SOURCE, finite


def estimate(
    datasets: Datasets, model: SpectralModel, choice: Analysis, per: Literal["run", "night"]
) -> tuple[LightCurve, FluxPoints]:
    """Integral flux in each interval, for a spectrum of the given shape."""
    low, high = choice.light_curve_range_tev
    shape = model.copy()
    for parameter in shape.parameters:
        parameter.frozen = parameter.name != "amplitude"
    datasets.models = [SkyModel(shape, name=SOURCE)]
    estimator = LightCurveEstimator(
        energy_edges=[low, high] * u.TeV, time_intervals=_intervals(datasets, per), source=SOURCE,
        selection_optional=["ul"], reoptimize=False,
    )  # fmt: skip
    points = estimator.run(datasets)
    table = points.to_table(sed_type="flux", format="lightcurve")
    first = table[0]
    described = LightCurve(
        per=per, energy_min=float(np.ravel(first["e_min"])[0]), energy_max=float(np.ravel(first["e_max"])[0]),
        points=tuple(_describe(row) for row in table),
    )  # fmt: skip
    return described, points


def _intervals(datasets: Datasets, per: str) -> list[Time]:
    """Observing intervals: of each run, or from noon to noon for nights."""
    times = [(dataset.gti.time_start[0], dataset.gti.time_stop[-1]) for dataset in datasets]
    if per == "run":
        return [Time([start, stop]) for start, stop in sorted(times, key=lambda pair: pair[0].mjd)]
    nights = sorted({int(np.floor(start.utc.mjd - 0.5)) for start, _ in times})
    return [Time([night + 0.5, night + 1.5], format="mjd", scale="utc") for night in nights]


def _describe(row: Row) -> LightCurvePoint:
    def number(name: str) -> float | None:
        return finite(np.ravel(row[name])[0])

    return LightCurvePoint(
        time_min=float(row["time_min"]), time_max=float(row["time_max"]), flux=number("flux"),
        flux_error=number("flux_err"), flux_upper_limit=number("flux_ul"), significance=number("sqrt_ts"),
    )  # fmt: skip
