"""Observed DL1 runs of the synthetic night: protons and a point source in wobble mode."""

import numpy as np
import pandas as pd

from foa_testing.night.definition import Defect, Layout, SyntheticRun
from foa_testing.night.dl1 import OBSERVED_COLUMNS, write_dl1
from foa_testing.night.images import N_PIXELS, Columns, draw_images
from foa_testing.night.sampling import Beam, Thrower, join, throw_in_ring
from foa_testing.night.showers import (
    GAMMA,
    PROTON,
    THRESHOLD_PE,
    Showers,
    crab_flux,
    proton_flux,
)
from foa_testing.night.track import Track, follow

DEAD_TIME_S = 7e-6
CALIBRATION_RATE_HZ = 50.0
FLATFIELD, PEDESTAL, SHOWER = 0, 2, 32
"""Event types of the CTA R1 data model."""
GAMMA_ENERGIES_TEV, GAMMA_RADIUS_M = (0.01, 50.0), 700.0
PROTON_ENERGIES_TEV, PROTON_CONE_DEG = (0.08 * THRESHOLD_PE / 250, 100.0), 8.0
CHUNK = 2_000_000
"""Showers drawn at a time."""
FLATFIELD_IMAGE = {
    "x": 0.0,
    "y": 0.0,
    "r": 0.01,
    "phi": 0.0,
    "length": 0.95,
    "width": 0.93,
    "wl": 0.98,
    "psi": 0.1,
    "skewness": 0.0,
    "kurtosis": 1.8,
    "time_gradient": 0.0,
    "intercept": 15.0,
    "leakage_intensity_width_1": 0.06,
    "leakage_intensity_width_2": 0.12,
}
WHOLE_NUMBERS = ("n_pixels", "n_islands", "event_type", "trigger_type", "ucts_trigger_type")
CONSTANT_COLUMNS = {
    "calibration_id": 0,
    "mc_type": -9999,
    "tel_id": 1,
    "tel_pos_x": 50.0,
    "tel_pos_y": 50.0,
    "tel_pos_z": 16.0,
    "ucts_jump": False,
}
"""The same for every event, as lstchain writes it for real data."""


def observe(layout: Layout, run: SyntheticRun, seed: int) -> dict[str, object]:
    """Write the DL1 file of a run and return the truth about it."""
    rng = np.random.default_rng([seed, run.obs_id])
    track = follow(run)
    protons, gammas = _observe_protons(rng, run, track), _observe_source(rng, run, track)
    showers = pd.DataFrame(join([*protons, gammas]))
    events = showers.assign(event_type=SHOWER, trigger_type=1, ucts_trigger_type=1)
    if run.defect is not Defect.NO_INTERLEAVED:
        events = pd.concat([events, _flatfield(rng, run), _pedestal(run)], ignore_index=True)
    path = layout.dl1(run)
    write_dl1(path, _complete(events, run, track), OBSERVED_COLUMNS)
    if run.defect is Defect.TRUNCATED:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 6 // 10])
    return _truth(run, track) | {"n_events": len(events), "n_gammas": len(gammas["t"])}


def _truth(run: SyntheticRun, track: Track) -> dict[str, object]:
    source = run.source
    return {
        "obs_id": run.obs_id,
        "night": run.night,
        "source": source.name,
        "ra": source.ra,
        "dec": source.dec,
        "flux_crab": source.flux_crab,
        "light_yield": run.light_yield,
        "defect": str(run.defect),
        "duration": run.duration,
        "zenith": float(np.degrees(np.arccos(track.cos_zenith))),
        "azimuth": float(np.degrees(track.azimuth.mean()) % 360),
        "pointing_ra": float(track.ra.mean()),
        "pointing_dec": float(track.dec.mean()),
    }


def _observe_protons(rng: np.random.Generator, run: SyntheticRun, track: Track) -> list[Columns]:
    """Draw the images of the isotropic cosmic rays, at their physical rate."""
    radius = 1000.0 / max(track.cos_zenith, 0.4)
    beam = Beam(PROTON, proton_flux, PROTON_ENERGIES_TEV, radius, track.cos_zenith)
    thrower = Thrower.prepare(beam, run.light_yield)
    solid_angle = 2 * np.pi * (1 - np.cos(np.radians(PROTON_CONE_DEG)))
    rate = thrower.integral * np.pi * (radius * 100) ** 2 * solid_angle
    n_showers = int(rng.poisson(rate * run.duration * thrower.fraction))
    chunks = (min(CHUNK, n_showers - begun) for begun in range(0, n_showers, CHUNK))
    return [_observe_chunk(rng, run, thrower, n) for n in chunks]


def _observe_chunk(
    rng: np.random.Generator, run: SyntheticRun, thrower: Thrower, n: int
) -> Columns:
    """Draw the images of `n` protons from anywhere in the field of view, at any time of the run."""
    energy, impact = thrower.throw(rng, n)
    x, y = throw_in_ring(rng, n, 0, PROTON_CONE_DEG)
    showers = Showers(energy, impact, x, y, np.full(n, thrower.beam.cos_zenith))
    seen, columns = draw_images(rng, showers, PROTON, run.light_yield)
    return columns | {"t": rng.uniform(0, run.duration, len(seen))}


def _observe_source(rng: np.random.Generator, run: SyntheticRun, track: Track) -> Columns:
    """Draw the images of the source's gammas; none where the source has no flux."""
    beam = Beam(GAMMA, crab_flux, GAMMA_ENERGIES_TEV, GAMMA_RADIUS_M, track.cos_zenith)
    thrower = Thrower.prepare(beam, run.light_yield)
    rate = run.source.flux_crab * thrower.integral * np.pi * (GAMMA_RADIUS_M * 100) ** 2
    n = int(rng.poisson(rate * run.duration * thrower.fraction))
    energy, impact = thrower.throw(rng, n)
    time = rng.uniform(0, run.duration, n)
    x, y = (np.interp(time, track.time, axis) for axis in (track.source_x, track.source_y))
    showers = Showers(energy, impact, x, y, np.full(n, track.cos_zenith))
    seen, columns = draw_images(rng, showers, GAMMA, run.light_yield)
    return columns | {"t": time[seen]}


def _flatfield(rng: np.random.Generator, run: SyntheticRun) -> pd.DataFrame:
    """Return interleaved flat-field events: the whole camera, 75 p.e. a pixel."""
    time = np.arange(0, run.duration, 1 / CALIBRATION_RATE_HZ)
    intensity = N_PIXELS * 75 + rng.normal(0, 300, len(time))
    image = {
        name: value + 1e-3 * rng.normal(0, 1, len(time)) for name, value in FLATFIELD_IMAGE.items()
    }
    image |= {"intensity": intensity, "log_intensity": np.log10(intensity)}
    kind = {"event_type": FLATFIELD, "trigger_type": 4, "ucts_trigger_type": 4}
    return pd.DataFrame({"t": time} | kind | image | {"n_pixels": N_PIXELS, "n_islands": 1})


def _pedestal(run: SyntheticRun) -> pd.DataFrame:
    """Return interleaved pedestal events, which leave no image."""
    time = np.arange(0, run.duration, 1 / CALIBRATION_RATE_HZ) + 0.005
    kind = {"event_type": PEDESTAL, "trigger_type": 32, "ucts_trigger_type": 32}
    return pd.DataFrame({"t": time} | kind | {"n_pixels": 0, "n_islands": 0})


def _complete(events: pd.DataFrame, run: SyntheticRun, track: Track) -> pd.DataFrame:
    """Sort by time, apply the dead time, add pointing, clocks and identification."""
    events = events.sort_values("t", ignore_index=True)
    events = events[np.diff(events.t, prepend=-1.0) > DEAD_TIME_S].reset_index(drop=True)
    altitude = np.interp(events.t, track.time, track.altitude)
    azimuth = np.interp(events.t, track.time, track.azimuth) % (2 * np.pi)
    pointing = {"alt_tel": altitude, "az_tel": azimuth, "sin_az_tel": np.sin(azimuth)}
    names = ("dragon_time", "ucts_time", "tib_time", "trigger_time")
    clocks = dict.fromkeys(names, track.start + events.t)
    numbers = {"obs_id": run.obs_id, "event_id": np.arange(1, len(events) + 1)}
    events = events.assign(**pointing, **clocks, **numbers, **CONSTANT_COLUMNS)
    return events.astype(dict.fromkeys(WHOLE_NUMBERS, np.int64))
