"""The light of toy air showers: the part of the synthetic night that stands for CORSIKA.

Depth of maximum → distance to the maximum → light pool; protons give less light per energy.  Calibrated to the
cosmic-ray rate lstchain_cherenkov_transparency expects (1.74 events/s/p.e. at 422 p.e.) and to the rates after cuts in
lstchain/data/LST1_*_irf_*.csv.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Spectrum = Callable[[Array], Array]

FOCAL_LENGTH_M = 29.30565
"""Effective focal length of LST-1, corrected for coma (lstchain)."""
SCALE_HEIGHT_KM = 7.9
ATMOSPHERE_G_CM2 = 1030.0
TELESCOPE_HEIGHT_KM = 2.16
THRESHOLD_PE = 250.0
"""Image size at half trigger efficiency: 0.8 kHz instead of 7 keeps files small, yet the gaps between events stay
below the 10 ms that lstchain.reco.utils.get_effective_time needs."""


@dataclass(frozen=True)
class Particle:
    """What makes the images of one kind of primary."""

    name: str
    mc_type: int
    rejection: float
    """Showers whose mean image is fainter than threshold / rejection never trigger."""
    xmax_spread_g_cm2: float


GAMMA = Particle("gamma", 0, 2.5, 40.0)
PROTON = Particle("proton", 101, 6.0, 75.0)


@dataclass(frozen=True)
class Showers:
    """Primaries, one entry each: energies in TeV, impact distances and camera positions in m."""

    energy: Array
    impact: Array
    source_x: Array
    source_y: Array
    cos_zenith: Array

    def __getitem__(self, index: NDArray[np.intp]) -> "Showers":
        return Showers(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Light:
    """Mean image size (p.e.), distance to the shower maximum (km), radius of the light pool (m)."""

    size: Array
    distance: Array
    pool: Array


def crab_flux(energy: Array) -> Array:
    """dN/dE of the Crab Nebula in TeV⁻¹ cm⁻² s⁻¹ (MAGIC, JHEAP 5–6 (2015) 30), energy in TeV."""
    return np.asarray(3.23e-11 * energy ** (-2.47 - 0.24 * np.log10(energy)))


def proton_flux(energy: Array) -> Array:
    """dN/dE in TeV⁻¹ cm⁻² s⁻¹ sr⁻¹: pyirf's IRFDOC protons × 1.7 for helium and heavier nuclei."""
    return np.asarray(1.7 * 9.8e-6 * energy**-2.62)


def mean_light(
    energy: Array, impact: Array, cos_zenith: Array, particle: Particle, xmax_shift: Array | float = 0.0
) -> Light:
    """Mean light of showers of given energy (TeV) and impact distance (m)."""
    gev = energy * 1000.0
    if particle is GAMMA:
        xmax = 36.7 * np.log(gev / 0.086) + xmax_shift
    else:
        xmax = 45.0 * np.log(np.clip(gev, 10, None) / 3.0) + 120 + xmax_shift
    height = SCALE_HEIGHT_KM * np.log(ATMOSPHERE_G_CM2 / np.clip(xmax * cos_zenith, 30, 900))
    distance = np.clip(height - TELESCOPE_HEIGHT_KM, 0.6, None) / cos_zenith
    cherenkov_angle = np.radians(1.38) * np.exp(-height / (2 * SCALE_HEIGHT_KM))
    pool = 1220.0 * distance * np.tan(cherenkov_angle)
    if particle is GAMMA:
        total = 400.0 * (energy / 0.1) ** 1.06
        lateral = np.where(impact < pool, 1.0, np.exp(-(impact - pool) / (0.55 * pool)))
    else:
        total = 400.0 * 0.46 * (energy / 0.1) ** 1.12
        lateral = 1.15 * np.exp(-impact / (1.06 * pool + 40))
    absorption = np.exp(-0.05 * (1 / cos_zenith - 1))
    return Light(total * (120.0 / pool) ** 1.6 * lateral * absorption, distance, pool)
