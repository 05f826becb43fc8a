"""Sky maps with an acceptance model: counts, background, excess, significance."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from baccmod import RadialAcceptanceMapCreator
from foa.manifests import Analysis
from gammapy.data import Observations
from gammapy.datasets import MapDataset
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import FoVBackgroundMaker, MapDatasetMaker, SafeMaskMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from numpy.typing import NDArray
from regions import CircleSkyRegion

from foa_analyzer.results import SkyMap

N_ENERGY_BINS = 5
N_OFFSET_BINS = 8


@dataclass(frozen=True)
class Maps:
    """Maps summed over energy, and the significances away from the target."""

    counts: Map
    background: Map
    excess: Map
    significance: Map
    off_significances: NDArray[np.float64]


def make_maps(observations: Observations, target: SkyCoord, choice: Analysis) -> tuple[SkyMap, Maps]:
    """Correlated maps around the target.

    The background is that of the IRFs where they have one, else BAccMod's radial acceptance model of the very
    observations; both normalised in the field of view, away from the target.
    """
    background = _model_background(observations, target, choice)
    stacked = _stack(observations, target, choice)
    estimator = ExcessMapEstimator(choice.correlation_radius_deg * u.deg, selection_optional=[], correlate_off=False)
    estimates = estimator.run(stacked.to_image())
    maps = _maps(estimates, target, choice)
    return _describe(maps, target, background, choice, float(stacked.counts.data.sum())), maps


def _energy_axis(choice: Analysis) -> MapAxis:
    low, high = choice.map_energy_tev, choice.energy_range_tev[1]
    return MapAxis.from_energy_bounds(low * u.TeV, high * u.TeV, nbin=N_ENERGY_BINS, name="energy")


def _exclusion(target: SkyCoord, choice: Analysis) -> CircleSkyRegion:
    return CircleSkyRegion(target, choice.exclusion_radius_deg * u.deg)


def _model_background(observations: Observations, target: SkyCoord, choice: Analysis) -> str:
    """Give every observation a background model; says which."""
    if all(observation.bkg is not None for observation in observations):
        return "IRF background, field-of-view normalisation"
    offset = MapAxis.from_bounds(0 * u.deg, choice.max_offset_deg * u.deg, nbin=N_OFFSET_BINS, name="offset")
    creator = RadialAcceptanceMapCreator(_energy_axis(choice), offset, exclude_regions=[_exclusion(target, choice)])
    models = creator.create_acceptance_map_per_observation(observations)
    for observation in observations:
        observation.bkg = models[observation.obs_id]
    return "BAccMod radial acceptance, field-of-view normalisation"


def _stack(observations: Observations, target: SkyCoord, choice: Analysis) -> MapDataset:
    geom = WcsGeom.create(
        skydir=target, width=choice.map_width_deg, binsz=choice.map_pixel_deg, axes=[_energy_axis(choice)]
    )
    mask = geom.to_image().region_mask([_exclusion(target, choice)], inside=False)
    maker = MapDatasetMaker(selection=["counts", "background"])
    safe = SafeMaskMaker(methods=["offset-max"], offset_max=choice.max_offset_deg * 0.9 * u.deg)
    normalise = FoVBackgroundMaker(method="scale", exclusion_mask=mask)
    stacked = MapDataset.create(geom, name="stacked")
    for observation in observations:
        dataset = maker.run(stacked.copy(name=f"obs-{observation.obs_id}"), observation)
        stacked.stack(normalise.run(safe.run(dataset, observation)))
    return stacked


def _maps(estimates: dict[str, Map], target: SkyCoord, choice: Analysis) -> Maps:
    images = {
        name: estimates[name].sum_over_axes(keepdims=False) for name in ("counts", "npred_background", "npred_excess")
    }
    significance = estimates["sqrt_ts"].reduce_over_axes(keepdims=False)
    separation = significance.geom.separation(target).deg
    off = np.isfinite(significance.data) & (separation > choice.exclusion_radius_deg + choice.correlation_radius_deg)
    off &= images["counts"].data > 0
    return Maps(
        images["counts"],
        images["npred_background"],
        images["npred_excess"],
        significance,
        significance.data[off],
    )


def _describe(maps: Maps, target: SkyCoord, background: str, choice: Analysis, n_counts: float) -> SkyMap:
    data = np.nan_to_num(maps.significance.data, nan=-np.inf)
    peak = np.unravel_index(int(data.argmax()), data.shape)
    position = maps.significance.geom.pix_to_coord((peak[1], peak[0]))
    at_target = float(maps.significance.get_by_coord((target.ra, target.dec))[0])
    known = len(maps.off_significances) > 0
    return SkyMap(
        background=background, energy_min=choice.map_energy_tev,
        significance=at_target if np.isfinite(at_target) else None,
        peak_significance=float(data.max()) if np.isfinite(data.max()) else None,
        peak_ra=float(position[0].to_value("deg")),
        peak_dec=float(position[1].to_value("deg")), n_counts=n_counts,
        off_mean=float(maps.off_significances.mean()) if known else None,
        off_width=float(maps.off_significances.std()) if known else None,
    )  # fmt: skip
