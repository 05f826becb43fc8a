"""Sky maps with an acceptance model: counts, background, excess, significance."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
from astropy.coordinates import SkyCoord
from baccmod import RadialAcceptanceMapCreator
from gammapy.data import Observations
from gammapy.datasets import MapDataset
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import FoVBackgroundMaker, MapDatasetMaker, SafeMaskMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from regions import CircleSkyRegion
from scipy.stats import norm

from foa_analyzer.figures import save
from foa_analyzer.flux_points import finite
from foa_analyzer.results import SkyMap, StepFindings
from foa_analyzer.steps import Found, RunSet
from foa_stage.manifests import Analysis

N_ENERGY_BINS = 5
N_OFFSET_BINS = 8
WRITTEN = ("counts", "background", "excess", "significance")


@dataclass(frozen=True)
class Maps:
    """Maps summed over energy, and the significances away from the target."""

    counts: Map
    background: Map
    excess: Map
    significance: Map
    off_significances: NDArray[np.float64]


def find(run_set: RunSet, observations: Observations) -> Found[None]:
    """Find how significant the target and its surroundings are."""
    sky_map, maps = make_maps(observations, run_set.target, run_set.settings)
    fits = {
        f"map-{name}.fits": partial(getattr(maps, name).write, overwrite=True) for name in WRITTEN
    }
    files = fits | {"maps.png": partial(draw, maps, sky_map)}
    return Found(StepFindings(sky_map=sky_map), files, None)


def make_maps(
    observations: Observations, target: SkyCoord, settings: Analysis
) -> tuple[SkyMap, Maps]:
    """Make correlated maps around the target.

    The background is that of the IRFs where they have one, else BAccMod's radial acceptance model
    of the very observations, which are given it. Both are normalised in the field of view, away
    from the target.
    """
    background = _model_background(observations, target, settings)
    stacked = _stack(observations, target, settings)
    estimator = ExcessMapEstimator(
        settings.correlation_radius_deg * u.deg, selection_optional=[], correlate_off=False
    )
    maps = _maps(estimator.run(stacked.to_image()), target, settings)
    described = {
        "background": background,
        "energy_min": settings.map_energy_tev,
        "n_counts": float(stacked.counts.data.sum()),
    }
    return SkyMap.model_validate(described | _describe(maps, target)), maps


def _energy_axis(settings: Analysis) -> MapAxis:
    low, high = settings.map_energy_tev, settings.energy_range_tev[1]
    return MapAxis.from_energy_bounds(low * u.TeV, high * u.TeV, nbin=N_ENERGY_BINS, name="energy")


def _exclusion(target: SkyCoord, settings: Analysis) -> CircleSkyRegion:
    return CircleSkyRegion(target, settings.exclusion_radius_deg * u.deg)


def _model_background(observations: Observations, target: SkyCoord, settings: Analysis) -> str:
    """Give every observation a background model; return its description."""
    if all(observation.bkg is not None for observation in observations):
        return "IRF background, field-of-view normalisation"
    edge = settings.max_offset_deg * u.deg
    offset = MapAxis.from_bounds(0 * u.deg, edge, nbin=N_OFFSET_BINS, name="offset")
    creator = RadialAcceptanceMapCreator(
        _energy_axis(settings), offset, exclude_regions=[_exclusion(target, settings)]
    )
    models = creator.create_acceptance_map_per_observation(observations)
    for observation in observations:
        observation.bkg = models[observation.obs_id]
    return "BAccMod radial acceptance, field-of-view normalisation"


def _stack(observations: Observations, target: SkyCoord, settings: Analysis) -> MapDataset:
    """Sum counts and normalised backgrounds of all observations."""
    stacked = _empty(target, settings)
    edge = settings.max_offset_deg * 0.9 * u.deg
    exclusion = _exclusion(target, settings)
    mask = stacked.counts.geom.to_image().region_mask([exclusion], inside=False)
    makers = (
        MapDatasetMaker(selection=["counts", "background"]),
        SafeMaskMaker(methods=["offset-max"], offset_max=edge),
        FoVBackgroundMaker(method="scale", exclusion_mask=mask),
    )
    for observation in observations:
        dataset = stacked.copy(name=f"obs-{observation.obs_id}")
        for maker in makers:
            dataset = maker.run(dataset, observation)
        stacked.stack(dataset)
    return stacked


def _empty(target: SkyCoord, settings: Analysis) -> MapDataset:
    width, pixel = settings.map_width_deg, settings.map_pixel_deg
    axes = [_energy_axis(settings)]
    geom = WcsGeom.create(skydir=target, width=width, binsz=pixel, axes=axes)
    return MapDataset.create(geom, name="stacked")


def _maps(estimates: dict[str, Map], target: SkyCoord, settings: Analysis) -> Maps:
    names = ("counts", "npred_background", "npred_excess")
    counts, background, excess = (estimates[name].sum_over_axes(keepdims=False) for name in names)
    significance = estimates["sqrt_ts"].reduce_over_axes(keepdims=False)
    separation = significance.geom.separation(target).deg
    nearest = settings.exclusion_radius_deg + settings.correlation_radius_deg
    off = np.isfinite(significance.data) & (separation > nearest) & (counts.data > 0)
    return Maps(counts, background, excess, significance, significance.data[off])


def _describe(maps: Maps, target: SkyCoord) -> dict[str, float | None]:
    """Return what the maps tell at the target, at their peak, and away from the target."""
    data = np.nan_to_num(maps.significance.data, nan=-np.inf)
    peak = np.unravel_index(int(data.argmax()), data.shape)
    ra, dec = maps.significance.geom.pix_to_coord((peak[1], peak[0]))
    off = maps.off_significances
    return {
        "significance": finite(maps.significance.get_by_coord((target.ra, target.dec))[0]),
        "peak_significance": finite(data.max()),
        "peak_ra": float(ra.to_value("deg")),
        "peak_dec": float(dec.to_value("deg")),
        "off_mean": float(off.mean()) if len(off) else None,
        "off_width": float(off.std()) if len(off) else None,
    }


def draw(maps: Maps, sky_map: SkyMap, path: Path) -> None:
    """Draw counts, background, excess, significance, and the distribution of significances."""
    figure = plt.figure(figsize=(15, 8))
    panels = {name: getattr(maps, name) for name in ("counts", "background", "excess")}
    panels["significance (σ)"] = maps.significance
    for position, (title, image) in enumerate(panels.items(), start=1):
        _draw_map(figure, position, image, title)
    _draw_distribution(figure.add_subplot(2, 3, 5), maps, sky_map)
    save(figure, path)


def _draw_map(figure: Figure, position: int, image: Map, title: str) -> None:
    axes = figure.add_subplot(2, 3, position, projection=image.geom.wcs)
    image.plot(ax=axes, add_cbar=True, cmap="viridis")
    axes.set_title(title)


def _draw_distribution(axes: Axes, maps: Maps, sky_map: SkyMap) -> None:
    """Draw the significances away from the target beside what a good background would give."""
    edges, grid = np.linspace(-5, 5, 51), np.linspace(-5, 5, 200)
    axes.hist(maps.off_significances, bins=edges, density=True, label="away from the target")
    axes.plot(grid, norm.pdf(grid), label="N(0, 1)")
    title = f"mean {sky_map.off_mean or 0:.2f}, width {sky_map.off_width or 0:.2f}"
    axes.set(yscale="log", ylim=(1e-4, 1), xlabel="significance (σ)", title=title)
    axes.legend()
