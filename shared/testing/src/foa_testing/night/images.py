"""Images of toy air showers: the part that stands for sim_telarray and lstchain's R0 → DL1.

One cleaned image is drawn per shower at the level of its parameters, with the main physical
correlations: disp grows with impact, length with disp, width with size; the time gradient changes
sign at the edge of the light pool; fluctuations fall with intensity.  Protons look wider and more
irregular, and point badly; a small π⁰-dominated fraction looks like gammas.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from foa_testing.night.showers import (
    FOCAL_LENGTH_M,
    GAMMA,
    THRESHOLD_PE,
    Array,
    Particle,
    Showers,
    mean_light,
)

Columns = dict[str, NDArray[np.generic]]
Image = dict[str, NDArray[Any]]
"""Properties of images before they are measured: shape in deg, positions in m, light in p.e."""

METRES_PER_DEGREE = FOCAL_LENGTH_M * np.tan(np.radians(1.0))
CAMERA_RADIUS_M = 1.13
PIXEL_AREA_DEG2 = 0.0087
N_PIXELS = 1855


def draw_images(
    rng: np.random.Generator, showers: Showers, particle: Particle, light_yield: float = 1.0
) -> tuple[NDArray[np.intp], Columns]:
    """Draw the images of showers.

    Parameters
    ----------
    light_yield
        Share of the light that reaches the telescope.

    Returns
    -------
    seen
        Indices of the showers that trigger.
    columns
        Their DL1 parameters, in lstchain's names and units.
    """
    mean = mean_light(showers.energy, showers.impact, showers.cos_zenith, particle).size
    bright = np.flatnonzero(mean * light_yield > THRESHOLD_PE / particle.rejection)
    image = _draw_geometry(rng, showers[bright], particle, light_yield)
    image |= _see(image)
    seen = _trigger(rng, image)
    return bright[seen], _measure(rng, {name: values[seen] for name, values in image.items()})


def _draw_geometry(
    rng: np.random.Generator, showers: Showers, particle: Particle, light_yield: float
) -> Image:
    """Draw size, shape, orientation and centroid of every image, before the trigger."""
    energy, impact, cos_zenith = showers.energy, showers.impact, showers.cos_zenith
    shift = rng.normal(0, particle.xmax_spread_g_cm2, len(energy))
    light = mean_light(energy, impact, cos_zenith, particle, shift)
    size = _fluctuate(rng, light_yield * light.size, energy, particle)
    irregular = _draw_irregular(rng, energy, particle)
    disp = _draw_disp(rng, impact / (1000 * light.distance), irregular)
    width, length = _draw_shape(rng, size, disp, light.distance, irregular)
    image: Image = {"size": size, "irregular": irregular, "impact": impact, "pool": light.pool}
    image |= {"disp": disp, "width": width, "length": length}
    return image | _draw_position(rng, image, showers)


def _fluctuate(rng: np.random.Generator, size: Array, energy: Array, particle: Particle) -> Array:
    """Apply shower-to-shower (log-normal) and photo-electron fluctuations to the image size."""
    n = len(size)
    sigma = np.sqrt(0.10**2 + 0.13**2 / (energy / 0.1)) if particle is GAMMA else np.full(n, 0.50)
    size = np.clip(size * np.exp(rng.normal(0, 1, n) * sigma - 0.5 * sigma**2), 0.1, None)
    return np.asarray(size * np.clip(1 + rng.normal(0, 1, n) * np.sqrt(1.5 / size), 0.05, None))


def _draw_irregular(
    rng: np.random.Generator, energy: Array, particle: Particle
) -> NDArray[np.bool_]:
    """Draw which images look hadronic: no gammas, and all protons but the π⁰-dominated few."""
    if particle is GAMMA:
        return np.zeros(len(energy), bool)
    gamma_like = np.clip(0.05 * (energy / 0.2) ** -0.6, 0.002, 0.06)
    return np.asarray(rng.random(len(energy)) > gamma_like)


def _draw_disp(rng: np.random.Generator, tangent: Array, irregular: NDArray[np.bool_]) -> Array:
    """Draw the distance between image and source (deg) from the tangent of its mean."""
    n, disp = len(tangent), np.degrees(np.arctan(tangent))
    scattered = disp * np.exp(rng.normal(0, 0.35, n)) + np.abs(rng.normal(0, 0.15, n))
    return np.where(irregular, scattered, disp)


def _log_size(size: Array) -> Array:
    return np.log10(np.clip(size, 10, None) / 100.0)


def _draw_shape(
    rng: np.random.Generator,
    size: Array,
    disp: Array,
    distance: Array,
    irregular: NDArray[np.bool_],
) -> tuple[Array, Array]:
    """Draw width and length in degrees."""
    n, log_size = len(size), _log_size(size)
    closeness = (7.0 / np.clip(distance, 3, 30)) ** 0.35
    width = 0.058 * (1 + 0.22 * np.clip(log_size, -0.3, 2.5)) * closeness
    blur = 0.035 * (1 + np.clip(log_size, 0, 3))
    length = np.sqrt((1.15 * width) ** 2 + (0.235 * disp) ** 2 + blur**2)
    resolution = 0.07 + 1.0 / np.sqrt(size)
    width = width * np.exp(rng.normal(0, 1, n) * resolution)
    length = length * np.exp(rng.normal(0, 1, n) * resolution)
    width = np.where(irregular, width * np.exp(rng.normal(0.40, 0.33, n)), width)
    length = np.where(irregular, length * np.exp(rng.normal(0.18, 0.30, n)), length)
    return np.minimum(width, length), np.maximum(width, length)


def _draw_position(rng: np.random.Generator, image: Image, showers: Showers) -> Image:
    """Draw the direction of the axis (rad) and the centroid (m)."""
    n, disp = len(image["size"]), image["disp"]
    direction = rng.uniform(0, 2 * np.pi, n)
    cos, sin = np.cos(direction), np.sin(direction)
    across = rng.normal(0, 1, n) * (0.018 + 0.25 / np.sqrt(image["size"]))
    return {
        "axis": direction + rng.normal(0, 1, n) * _axis_error(image),
        "x": showers.source_x + METRES_PER_DEGREE * (disp * cos - across * sin),
        "y": showers.source_y + METRES_PER_DEGREE * (disp * sin + across * cos),
    }


def _axis_error(image: Image) -> Array:
    """Return the uncertainty of the axis in radians: small for bright, elongated images."""
    width, length = image["width"], image["length"]
    roundness = np.clip(width * length / np.clip(length**2 - width**2, 1e-4, None), 0, 3)
    error = np.hypot(0.025, 1.4 / np.sqrt(image["size"]) * roundness)
    return np.asarray(np.where(image["irregular"], np.hypot(error, 0.30), error))


def _see(image: Image) -> Image:
    """Return what the camera sees: distance from its centre (m), share of the light, intensity."""
    r = np.hypot(image["x"], image["y"])
    length_m = np.clip(image["length"] * METRES_PER_DEGREE, 0.03, None)
    inside = 1 - ndtr((r - CAMERA_RADIUS_M) / length_m)
    intensity = np.clip(image["size"] * inside, 0.1, None)
    return {"r": r, "length_m": length_m, "inside": inside, "intensity": intensity}


def _trigger(rng: np.random.Generator, image: Image) -> NDArray[np.intp]:
    """Draw which images pass trigger and cleaning: those bright enough, inside the camera."""
    area = np.clip(image["width"] * image["length"], 1e-3, None)
    half_efficiency = THRESHOLD_PE * (area / 0.0105) ** 0.15
    excess = np.log10(image["intensity"]) - np.log10(half_efficiency)
    triggered = rng.random(len(area)) < 1 / (1 + np.exp(-excess / 0.03))
    return np.flatnonzero(triggered & (image["r"] < CAMERA_RADIUS_M + 0.02))


def _measure(rng: np.random.Generator, image: Image) -> Columns:
    """Return the columns of lstchain.io.lstcontainers.DL1ParametersContainer."""
    n, x, y = len(image["size"]), image["x"], image["y"]
    psi = (image["axis"] + np.pi / 2) % np.pi - np.pi / 2
    away_from_source = np.sign(np.cos(image["axis"] - psi))
    islands = np.where(image["irregular"], 1 + rng.poisson(0.7, n), 1 + rng.poisson(0.08, n))
    position: Columns = {"x": x, "y": y, "r": image["r"], "phi": np.arctan2(y, x), "psi": psi}
    return position | {
        **_sizes(image),
        "n_islands": islands.astype(np.int64),
        "time_gradient": away_from_source * _draw_time_gradient(rng, image),
        "intercept": 14 + rng.normal(0, 1.5, n),
        **_draw_moments(rng, image, away_from_source),
        **_leakages(image),
        **_draw_concentrations(rng, image["width"] * image["length"]),
        "n_pixels": _draw_pixels(rng, image),
    }


def _sizes(image: Image) -> Columns:
    """Return light, width and length, with their uncertainties."""
    intensity, width, length = (image[name] for name in ("intensity", "width", "length"))
    return {
        "intensity": intensity,
        "log_intensity": np.log10(intensity),
        "length": length,
        "length_uncertainty": length / np.sqrt(2 * intensity),
        "width": width,
        "width_uncertainty": width / np.sqrt(2 * intensity),
        "wl": width / length,
    }


def _draw_time_gradient(rng: np.random.Generator, image: Image) -> Array:
    """Draw the gradient along the axis (ns/m): outside the pool positive away from the source."""
    n = len(image["size"])
    slope = 6.5 * (image["impact"] / image["pool"] - 1.0) * image["pool"] / 110.0
    slope = slope + rng.normal(0, 1, n) * (0.9 + 16 / np.sqrt(image["intensity"]))
    slope = np.where(image["irregular"], slope * 0.8 + rng.normal(0, 5.0, n), slope)
    return np.asarray(slope / METRES_PER_DEGREE)


def _draw_moments(rng: np.random.Generator, image: Image, away_from_source: Array) -> Columns:
    n, noise, irregular = len(image["size"]), 1 / np.sqrt(image["intensity"]), image["irregular"]
    mean = 0.34 * np.clip(_log_size(image["size"]) + 0.9, 0.2, 1.3)
    skewness = mean + rng.normal(0, 1, n) * (0.18 + 1.6 * noise)
    skewness = np.where(irregular, 0.4 * skewness + rng.normal(0, 0.40, n), skewness)
    kurtosis = 2.7 + 0.25 * skewness**2 + rng.normal(0, 1, n) * (0.25 + 2 * noise)
    kurtosis = np.where(irregular, kurtosis + np.abs(rng.normal(0, 0.6, n)), kurtosis)
    return {"skewness": away_from_source * skewness, "kurtosis": np.clip(kurtosis, 1.2, None)}


def _leakages(image: Image) -> Columns:
    """Return the fractions of light and pixels in the outermost one and two rings, 5 cm each."""
    columns: Columns = {}
    for rings in (1, 2):
        edge = ndtr((image["r"] - (CAMERA_RADIUS_M - 0.05 * rings)) / image["length_m"])
        leak = edge - ndtr((image["r"] - CAMERA_RADIUS_M) / image["length_m"])
        leak = np.where(leak < 2e-3, 0, leak / np.clip(image["inside"], 0.05, None)).clip(max=1)
        columns[f"leakage_intensity_width_{rings}"] = leak.astype(np.float32)
        columns[f"leakage_pixels_width_{rings}"] = leak
    return columns


def _draw_concentrations(rng: np.random.Generator, area_deg2: Array) -> Columns:
    n = len(area_deg2)
    mean = PIXEL_AREA_DEG2 / (2 * np.pi * area_deg2)
    pixel = np.clip(mean * np.exp(rng.normal(0, 0.12, n)), 0.001, 0.99)
    core = np.clip(0.35 + 0.02 * rng.normal(0, 1, n), 0, 1)
    return {
        "concentration_cog": np.clip(2 * pixel, 0, 0.99),
        "concentration_core": core,
        "concentration_pixel": pixel,
    }


def _draw_pixels(rng: np.random.Generator, image: Image) -> NDArray[np.int64]:
    """Draw how many pixels survive the cleaning: the ellipse at 1.9 standard deviations."""
    ellipse = np.pi * (1.9 * image["width"]) * (1.9 * image["length"]) / PIXEL_AREA_DEG2
    mean = ellipse * (1 + 0.12 * _log_size(image["size"]))
    pixels = mean * np.exp(rng.normal(0, 0.1, len(ellipse)))
    return np.clip(np.round(pixels), 3, N_PIXELS).astype(np.int64)
