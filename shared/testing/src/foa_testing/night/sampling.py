"""Draw the primaries of showers: energies, impact distances and directions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foa_testing.night.images import Columns
from foa_testing.night.showers import (
    FOCAL_LENGTH_M,
    THRESHOLD_PE,
    Array,
    Particle,
    Spectrum,
    mean_light,
)

N_ENERGY_CELLS = 600
N_IMPACT_CELLS = 300


def throw_in_ring(
    rng: np.random.Generator, n: int, inner_deg: float, outer_deg: float
) -> tuple[Array, Array]:
    """Draw directions that are uniform in solid angle between two angles from the pointing.

    Returns
    -------
    x, y
        Camera positions in m.
    """
    inner, outer = np.cos(np.radians([inner_deg, outer_deg]))
    radius = FOCAL_LENGTH_M * np.tan(np.arccos(inner + rng.random(n) * (outer - inner)))
    angle = rng.uniform(0, 2 * np.pi, n)
    return radius * np.cos(angle), radius * np.sin(angle)


def join(parts: list[Columns]) -> Columns:
    """Concatenate the columns of several sets of images."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True)
class Beam:
    """Primaries of one kind, with impacts uniform on a disc perpendicular to their direction."""

    particle: Particle
    spectrum: Spectrum
    energies_tev: tuple[float, float]
    radius_m: float
    cos_zenith: float


@dataclass(frozen=True)
class Thrower:
    """Draws energies and impact distances of showers that are bright enough to trigger.

    To draw N showers and keep the bright ones is the same as to draw Binomial(N, `fraction`)
    showers in the bright cells of the (energy, impact) plane, which is much cheaper.
    """

    beam: Beam
    log_energy: Array
    """Edges of the cells in ln(energy / TeV)."""
    impact2: Array
    """Edges of the cells in impact distance squared, m²."""
    cells: NDArray[np.intp]
    """Flat indices of the bright cells."""
    cumulative: Array
    """Cumulative probability over the bright cells."""
    fraction: float
    """Share of all showers that falls into bright cells."""
    integral: float
    """Integral of the spectrum over the energy range, in the spectrum's units × TeV."""

    @classmethod
    def prepare(cls, beam: Beam, light_yield: float = 1.0) -> "Thrower":
        """Find the bright cells for a beam, where `light_yield` scales every image."""
        lowest, highest = beam.energies_tev
        log_energy = np.linspace(np.log(lowest), np.log(highest), N_ENERGY_CELLS + 1)
        impact2 = np.linspace(0, beam.radius_m**2, N_IMPACT_CELLS + 1)
        bright = _find_bright_cells(log_energy, impact2, beam, light_yield)
        density = beam.spectrum(np.exp(log_energy)) * np.exp(log_energy)
        weight = 0.5 * (density[1:] + density[:-1]) * np.diff(log_energy)
        probability = (weight[:, None] * bright / N_IMPACT_CELLS).ravel()
        cells = np.flatnonzero(probability)
        cumulative = np.cumsum(probability[cells])
        integral = float(weight.sum())
        fraction = float(cumulative[-1] / integral)
        cells_and_shares = (cells, cumulative / cumulative[-1])
        return cls(beam, log_energy, impact2, *cells_and_shares, fraction, integral)

    def throw(self, rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        """Draw energies (TeV) and impact distances (m) of `n` showers in the bright cells."""
        cell = self.cells[np.searchsorted(self.cumulative, rng.random(n))]
        energy_cell, impact_cell = np.divmod(cell, N_IMPACT_CELLS)
        step = self.log_energy[1] - self.log_energy[0]
        energy = np.exp(self.log_energy[energy_cell] + rng.random(n) * step)
        step2 = self.impact2[1] - self.impact2[0]
        return energy, np.sqrt(self.impact2[impact_cell] + rng.random(n) * step2)


def _find_bright_cells(
    log_energy: Array, impact2: Array, beam: Beam, light_yield: float
) -> NDArray[np.bool_]:
    """Find the cells of which at least one corner can trigger."""
    energy, impact = np.meshgrid(np.exp(log_energy), np.sqrt(impact2), indexing="ij")
    light = mean_light(energy, impact, np.asarray(beam.cos_zenith), beam.particle).size
    corner = light * light_yield > THRESHOLD_PE / beam.particle.rejection
    return np.asarray(corner[1:, 1:] | corner[1:, :-1] | corner[:-1, 1:] | corner[:-1, :-1])
