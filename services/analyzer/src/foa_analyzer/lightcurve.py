"""Light curves per run and per night."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.table import Row
from astropy.time import Time
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPoints, LightCurveEstimator
from gammapy.modeling.models import SkyModel, SpectralModel
from matplotlib.axes import Axes

from foa_analyzer.figures import save
from foa_analyzer.flux_points import finite
from foa_analyzer.results import LightCurve, LightCurvePoint, StepFindings
from foa_analyzer.spectral_models import SOURCE
from foa_analyzer.spectrum import SpectralFit
from foa_analyzer.steps import Found, RunSet, Writer
from foa_stage.manifests import Analysis

Interval = Literal["run", "night"]
INTERVALS: tuple[Interval, ...] = ("run", "night")


def find(run_set: RunSet, fit: SpectralFit) -> Found[None]:
    """Find the flux in every run and in every night, for the spectrum's shape."""
    curves = []
    files: dict[str, Writer] = {}
    for per in INTERVALS:
        points = estimate(fit.datasets, fit.model, run_set.settings, per)
        curves.append(describe(points, per))
        table = points.to_table(sed_type="flux", format="lightcurve")
        files[f"light-curve-{per}.ecsv"] = partial(table.write, overwrite=True)
    files["light-curves.png"] = partial(draw, curves)
    return Found(StepFindings(light_curves=tuple(curves)), files, None)


def estimate(
    datasets: Datasets, model: SpectralModel, settings: Analysis, per: Interval
) -> FluxPoints:
    """Estimate the integral flux in each interval, for a spectrum of the given shape."""
    shape = model.copy()
    for parameter in shape.parameters:
        parameter.frozen = parameter.name != "amplitude"
    datasets.models = [SkyModel(shape, name=SOURCE)]
    estimator = LightCurveEstimator(
        energy_edges=settings.light_curve_range_tev * u.TeV,
        time_intervals=intervals(datasets, per),
        source=SOURCE,
        selection_optional=["ul"],
        reoptimize=False,
    )
    return estimator.run(datasets)


def intervals(datasets: Datasets, per: Interval) -> list[Time]:
    """Return the observing interval of each run, or from noon to noon for each night."""
    times = [(dataset.gti.time_start[0], dataset.gti.time_stop[-1]) for dataset in datasets]
    if per == "run":
        return [Time([start, stop]) for start, stop in sorted(times, key=lambda pair: pair[0].mjd)]
    nights = sorted({int(np.floor(start.utc.mjd - 0.5)) for start, _ in times})
    return [Time([night + 0.5, night + 1.5], format="mjd", scale="utc") for night in nights]


def describe(points: FluxPoints, per: Interval) -> LightCurve:
    """Describe a light curve."""
    table = points.to_table(sed_type="flux", format="lightcurve")
    low, high = (float(np.ravel(table[0][name])[0]) for name in ("e_min", "e_max"))
    described = tuple(map(_describe_point, table))
    return LightCurve(per=per, energy_min=low, energy_max=high, points=described)


def _describe_point(row: Row) -> LightCurvePoint:
    def number(name: str) -> float | None:
        return finite(np.ravel(row[name])[0])

    return LightCurvePoint(
        time_min=float(row["time_min"]),
        time_max=float(row["time_max"]),
        flux=number("flux"),
        flux_error=number("flux_err"),
        flux_upper_limit=number("flux_ul"),
        significance=number("sqrt_ts"),
    )


def draw(curves: Sequence[LightCurve], path: Path) -> None:
    """Draw the integral fluxes per run and per night."""
    size = (8, 3.2 * len(curves))
    figure, rows = plt.subplots(len(curves), 1, figsize=size, squeeze=False)
    for axes, curve in zip(rows[:, 0], curves, strict=True):
        _draw_curve(axes, curve)
    save(figure, path)


def _draw_curve(axes: Axes, curve: LightCurve) -> None:
    for point in curve.points:
        middle, half = (point.time_min + point.time_max) / 2, (point.time_max - point.time_min) / 2
        flux, error = point.flux or np.nan, point.flux_error or np.nan
        axes.errorbar(middle, flux, error, half, fmt="o", color="C0")
    axes.axhline(0, color="grey", lw=0.5)
    axes.ticklabel_format(axis="x", useOffset=False)
    title = f"per {curve.per}, {curve.energy_min:.2g} to {curve.energy_max:.3g} TeV"
    axes.set(xlabel="MJD (UTC)", ylabel="flux (cm⁻² s⁻¹)", title=title)
