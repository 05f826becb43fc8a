"""On and off spectra of observations.

With point-like IRFs the on region is as large as their energy-dependent RAD_MAX cuts, with
full-enclosure IRFs it is a circle of fixed size.
"""

import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import Observations
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.makers import (
    Maker,
    ReflectedRegionsBackgroundMaker,
    SafeMaskMaker,
    SpectrumDatasetMaker,
    WobbleRegionsFinder,
)
from gammapy.maps import MapAxis, RegionGeom
from regions import CircleSkyRegion, PointSkyRegion

from foa_analyzer.observations import is_point_like
from foa_stage.manifests import Analysis
from foa_stage.runner import NothingLeft

AEFF_MAX_PERCENT = 10
"""Energies with an effective area below this share of its maximum are left out.

Only with full-enclosure IRFs.
"""


def extract(observations: Observations, target: SkyCoord, settings: Analysis) -> Datasets:
    """Return the on and off spectra of every observation that has an off region.

    Raises
    ------
    NothingLeft
        If no observation has room for an off region.
    """
    point_like = is_point_like(observations)
    empty = _empty(target, settings, point_like)
    makers = _makers(settings, point_like)
    datasets = Datasets()
    for observation in observations:
        dataset = empty.copy(name=f"run {observation.obs_id}")
        for maker in makers:
            dataset = maker.run(dataset, observation)
        if dataset.counts_off is not None:
            datasets.append(dataset)
    if not len(datasets):
        raise NothingLeft("no observation has room for an off region beside the target")
    return datasets


def _makers(settings: Analysis, point_like: bool) -> list[Maker]:
    """Return what makes an on and off spectrum of an observation, in this order."""
    finder = WobbleRegionsFinder(settings.n_off_regions) if point_like else None
    makers = [
        SpectrumDatasetMaker(
            containment_correction=not point_like,
            selection=["counts", "exposure", "edisp"],
            use_region_center=True,
        ),
        ReflectedRegionsBackgroundMaker(region_finder=finder),
    ]
    safe = SafeMaskMaker(methods=["aeff-max"], aeff_percent=AEFF_MAX_PERCENT)
    return makers if point_like else [*makers, safe]


def _empty(target: SkyCoord, settings: Analysis, point_like: bool) -> SpectrumDataset:
    """Return an empty spectrum of a point, whose size the RAD_MAX table gives, or of a circle."""
    circle = CircleSkyRegion(target, settings.on_radius_deg * u.deg)
    region = PointSkyRegion(target) if point_like else circle
    energy = _axis("energy", settings.energy_range_tev, settings.bins_per_decade)
    true_energy = _axis(
        "energy_true", settings.true_energy_range_tev, settings.true_bins_per_decade
    )
    geom = RegionGeom.create(region, axes=[energy])
    return SpectrumDataset.create(geom, energy_axis_true=true_energy)


def _axis(name: str, range_tev: tuple[float, float], per_decade: int) -> MapAxis:
    low, high = range_tev * u.TeV
    return MapAxis.from_energy_bounds(low, high, per_decade, per_decade=True, name=name)
