"""Throwing primaries: energies, impact distances and directions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foa.testing.night.images import Columns
from foa.testing.night.showers import FOCAL_LENGTH_M, THRESHOLD_PE, Array, Particle, Spectrum, mean_light

N_ENERGY_CELLS = 600
N_IMPACT_CELLS = 300


def throw_in_ring(rng: np.random.Generator, n: int, inner_deg: float, outer_deg: float) -> tuple[Array, Array]:
    """Camera positions (m) of `n` directions uniform in solid angle between two angles from the pointing."""
    inner, outer = np.cos(np.radians([inner_deg, outer_deg]))
    radius = FOCAL_LENGTH_M * np.tan(np.arccos(inner + rng.random(n) * (outer - inner)))
    angle = rng.uniform(0, 2 * np.pi, n)
    return radius * np.cos(angle), radius * np.sin(angle)


def join(parts: list[Columns]) -> Columns:
    """Concatenate columns of several lots of images."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class Thrower:
    """Throws showers only where the mean image is bright enough to trigger, which is exact and much cheaper.

    Throwing N showers and keeping the bright ones is the same as throwing Binomial(N, `fraction`) of them in the
    bright cells of the (energy, impact) plane.
    """

    log_energy: Array
    impact2: Array
    cells: NDArray[np.intp]
    cumulative: Array
    fraction: float
    integral: float
    """Integral of the spectrum over the energy range, in the spectrum's units × TeV."""

    @classmethod
    def prepare(
        cls, spectrum: Spectrum, energies: tuple[float, float], radius: float, cos_zenith: float, particle: Particle,
        light_yield: float = 1.0,
    ) -> "Thrower":  # fmt: skip
        """Find the bright cells for energies in TeV and impacts (m) uniform on a disc of `radius`."""
        log_energy = np.linspace(np.log(energies[0]), np.log(energies[1]), N_ENERGY_CELLS + 1)
        impact2 = np.linspace(0, radius**2, N_IMPACT_CELLS + 1)
        energy, impact = np.meshgrid(np.exp(log_energy), np.sqrt(impact2), indexing="ij")
        light = mean_light(energy, impact, np.asarray(cos_zenith), particle).size
        corner = light * light_yield > THRESHOLD_PE / particle.rejection
        bright = corner[1:, 1:] | corner[1:, :-1] | corner[:-1, 1:] | corner[:-1, :-1]
        density = spectrum(np.exp(log_energy)) * np.exp(log_energy)
        weight = 0.5 * (density[1:] + density[:-1]) * np.diff(log_energy)
        probability = (weight[:, None] * bright / N_IMPACT_CELLS).ravel()
        cells = np.flatnonzero(probability)
        cumulative = np.cumsum(probability[cells])
        integral = float(weight.sum())
        fraction = float(cumulative[-1] / integral)
        return cls(log_energy, impact2, cells, cumulative / cumulative[-1], fraction, integral)

    def throw(self, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        """Energies (TeV) and impact distances (m) of `n` showers in the bright cells."""
        cell = self.cells[np.searchsorted(self.cumulative, rng.random(n))]
        energy_cell, impact_cell = np.divmod(cell, N_IMPACT_CELLS)
        step = self.log_energy[1] - self.log_energy[0]
        energy = np.exp(self.log_energy[energy_cell] + rng.random(n) * step)
        impact = np.sqrt(self.impact2[impact_cell] + rng.random(n) * (self.impact2[1] - self.impact2[0]))
        return energy, impact
