"""Figures: one function per product, each returns the file it wrote."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from gammapy.estimators import FluxPoints
from gammapy.maps import Map
from gammapy.modeling.models import SpectralModel
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import LightCurve, SkyMap, Theta2
from foa_analyzer.skymap import Maps

DPI = 90
QUALITY_COLUMNS = 4


def draw_theta2(theta2: Theta2, path: Path) -> Path:
    """On and normalised off distributions with the cut."""
    figure, axes = plt.subplots(figsize=(7, 4.5))
    centre = (np.array(theta2.edges[1:]) + np.array(theta2.edges[:-1])) / 2
    ratio = theta2.counts.acceptance_ratio or 0.0
    on, off = np.array(theta2.on), np.array(theta2.off)
    axes.errorbar(centre, on, np.sqrt(on), fmt="o", ms=3, label="on")
    axes.errorbar(centre, off * ratio, np.sqrt(off) * ratio, fmt="s", ms=3, label=f"off × {ratio:.2f}")
    axes.axvline(theta2.cut, ls="--", color="grey")
    counts = theta2.counts
    axes.set(xlabel="θ² (deg²)", ylabel="events", xlim=(0, theta2.edges[-1]), title=(
        f"{theta2.level} {theta2.name}: {counts.excess:.0f} excess, {counts.significance or 0:.1f} σ "
        f"in {theta2.effective_s / 60:.1f} min"
    ))  # fmt: skip
    axes.legend()
    return _save(figure, path)


def draw_maps(maps: Maps, sky_map: SkyMap, path: Path) -> Path:
    """Counts, background, excess, significance, and the distribution of significances."""
    figure = plt.figure(figsize=(15, 8))
    panels = (("counts", maps.counts), ("background", maps.background), ("excess", maps.excess))
    for k, (title, image) in enumerate(panels, start=1):
        _draw_map(figure, 230 + k, image, title)
    _draw_map(figure, 234, maps.significance, "significance (σ)")
    axes = figure.add_subplot(235)
    grid = np.linspace(-5, 5, 200)
    axes.hist(maps.off_significances, bins=np.linspace(-5, 5, 51), density=True, label="away from the target")
    axes.plot(grid, norm.pdf(grid), label="N(0, 1)")
    axes.set(yscale="log", ylim=(1e-4, 1), xlabel="significance (σ)", title=(
        f"mean {sky_map.off_mean or 0:.2f}, width {sky_map.off_width or 0:.2f}"
    ))  # fmt: skip
    axes.legend()
    return _save(figure, path)


def _draw_map(figure: Figure, place: int, image: Map, title: str) -> None:
    axes = figure.add_subplot(place, projection=image.geom.wcs)
    image.plot(ax=axes, add_cbar=True, cmap="viridis")
    axes.set_title(title)


def draw_spectrum(points: FluxPoints, model: SpectralModel | None, path: Path) -> Path:
    """Spectral energy distribution: points, upper limits and the preferred model."""
    figure, axes = plt.subplots(figsize=(7, 5))
    energies = points.energy_min.min(), points.energy_max.max()
    axes.xaxis.set_units(u.TeV)
    axes.yaxis.set_units(u.Unit("TeV cm-2 s-1"))
    points.plot(ax=axes, sed_type="e2dnde", label="flux points")
    if model is not None:
        model.plot(ax=axes, energy_bounds=energies, sed_type="e2dnde", label="preferred model")
        model.plot_error(ax=axes, energy_bounds=energies, sed_type="e2dnde")
    axes.set(xscale="log", yscale="log")
    axes.legend()
    return _save(figure, path)


def draw_light_curves(curves: Sequence[LightCurve], path: Path) -> Path:
    """Integral flux per run and per night."""
    figure, rows = plt.subplots(len(curves), 1, figsize=(8, 3.2 * len(curves)), squeeze=False)
    for axes, curve in zip(rows[:, 0], curves, strict=True):
        for point in curve.points:
            middle, half = (point.time_min + point.time_max) / 2, (point.time_max - point.time_min) / 2
            axes.errorbar(middle, point.flux or np.nan, point.flux_error or np.nan, half, fmt="o", color="C0")
        axes.axhline(0, color="grey", lw=0.5)
        axes.ticklabel_format(axis="x", useOffset=False)
        axes.set(xlabel="MJD (UTC)", ylabel="flux (cm⁻² s⁻¹)", title=(
            f"per {curve.per}, {curve.energy_min:.2g} to {curve.energy_max:.3g} TeV"
        ))  # fmt: skip
    return _save(figure, path)


def draw_quality(runs: Sequence[AnalysedRun], path: Path) -> Path:
    """Every quality criterion of every run: green where it holds, red where it fails, with its limit."""
    measured = dict.fromkeys(c.name for run in runs for c in run.criteria if c.value is not None)
    rows = max(1, math.ceil(len(measured) / QUALITY_COLUMNS))
    figure, panels = plt.subplots(rows, QUALITY_COLUMNS, figsize=(15, 2.6 * rows), squeeze=False)
    for axes in panels.flat[len(measured) :]:
        axes.set_axis_off()
    for axes, name in zip(panels.flat, measured, strict=False):
        _draw_criterion(axes, name, runs)
    return _save(figure, path)


def _draw_criterion(axes: Axes, name: str, runs: Sequence[AnalysedRun]) -> None:
    limit = ""
    for run in runs:
        for criterion in run.criteria:
            if criterion.name == name and criterion.value is not None:
                limit = criterion.limit
                colour = "tab:red" if criterion.passed is False else "tab:green"
                axes.plot(str(run.obs_id), criterion.value, "o", color=colour)
    axes.set_title(f"{name.replace('_', ' ')}: {limit}", fontsize=10)
    axes.tick_params(axis="x", rotation=60, labelsize=8)


def _save(figure: Figure, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
    return path
