"""The light of toy air showers: the part of the synthetic night that stands for CORSIKA.

Energy gives the depth of the shower maximum, depth and zenith its distance, distance the radius of
the light pool; protons give less light per energy.  The light is calibrated to the cosmic-ray rate
that lstchain_cherenkov_transparency expects (1.74 events/s/p.e. at 422 p.e.) and to the rates after
cuts in lstchain/data/LST1_*_irf_*.csv.
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
"""Image size at half trigger efficiency.

It makes a rate of 0.8 kHz instead of 7, which keeps files small; yet the gaps between events stay
below the 10 ms that lstchain.reco.utils.get_effective_time needs.
"""


@dataclass(frozen=True)
class Particle:
    """A kind of primary, and what makes its images."""

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
    """Mean image size (p.e.), distance to the maximum (km), radius of the light pool (m)."""

    size: Array
    distance: Array
    pool: Array


CRAB_AMPLITUDE, CRAB_ALPHA, CRAB_BETA_LOG10 = 3.23e-11, 2.47, 0.24
"""Log-parabola at 1 TeV, amplitude in TeV⁻¹ cm⁻² s⁻¹ (MAGIC, JHEAP 5–6 (2015) 30)."""


def crab_flux(energy: Array) -> Array:
    """Return dN/dE of the Crab Nebula.

    Parameters
    ----------
    energy
        In TeV; the flux is in TeV⁻¹ cm⁻² s⁻¹.
    """
    return np.asarray(CRAB_AMPLITUDE * energy ** (-CRAB_ALPHA - CRAB_BETA_LOG10 * np.log10(energy)))


def proton_flux(energy: Array) -> Array:
    """Return dN/dE of cosmic rays: pyirf's IRFDOC protons × 1.7 for helium and heavier nuclei.

    Parameters
    ----------
    energy
        In TeV; the flux is in TeV⁻¹ cm⁻² s⁻¹ sr⁻¹.
    """
    return np.asarray(1.7 * 9.8e-6 * energy**-2.62)


def mean_light(
    energy: Array,
    impact: Array,
    cos_zenith: Array,
    particle: Particle,
    xmax_shift: Array | float = 0.0,
) -> Light:
    """Return the mean light of showers.

    Parameters
    ----------
    energy
        In TeV.
    impact
        Distances from the shower axis, in m.
    xmax_shift
        Shift of the depth of the maximum against its mean, in g/cm².
    """
    xmax = _mean_xmax(energy, particle) + xmax_shift
    height = SCALE_HEIGHT_KM * np.log(ATMOSPHERE_G_CM2 / np.clip(xmax * cos_zenith, 30, 900))
    distance = np.clip(height - TELESCOPE_HEIGHT_KM, 0.6, None) / cos_zenith
    cherenkov_angle = np.radians(1.38) * np.exp(-height / (2 * SCALE_HEIGHT_KM))
    pool = 1220.0 * distance * np.tan(cherenkov_angle)
    absorption = np.exp(-0.05 * (1 / cos_zenith - 1))
    total, lateral = _total_and_lateral(energy, impact, pool, particle)
    return Light(total * (120.0 / pool) ** 1.6 * lateral * absorption, distance, pool)


def _mean_xmax(energy: Array, particle: Particle) -> Array:
    """Return the mean depth of the maximum in g/cm²."""
    gev = energy * 1000.0
    if particle is GAMMA:
        return np.asarray(36.7 * np.log(gev / 0.086))
    return np.asarray(45.0 * np.log(np.clip(gev, 10, None) / 3.0) + 120)


def _total_and_lateral(
    energy: Array, impact: Array, pool: Array, particle: Particle
) -> tuple[Array, Array]:
    """Return the light inside the pool (p.e., for a pool of 120 m) and its lateral profile."""
    if particle is GAMMA:
        total = 400.0 * (energy / 0.1) ** 1.06
        lateral = np.where(impact < pool, 1.0, np.exp(-(impact - pool) / (0.55 * pool)))
    else:
        total = 400.0 * 0.46 * (energy / 0.1) ** 1.12
        lateral = 1.15 * np.exp(-impact / (1.06 * pool + 40))
    return total, lateral
