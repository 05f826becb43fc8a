"""Observed DL1 runs of the synthetic night: protons and a point source in wobble mode."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import AltAz, SkyCoord
from astropy.time import Time
from ctapipe_io_lst.constants import LST1_LOCATION
from lstchain.reco.utils import radec_to_camera

from foa.testing.night.definition import WOBBLE_OFFSET_DEG, Defect, Layout, Run
from foa.testing.night.dl1 import OBSERVED_COLUMNS, write_dl1
from foa.testing.night.images import N_PIXELS, Columns, draw_images
from foa.testing.night.sampling import Thrower, join, throw_in_ring
from foa.testing.night.showers import (
    FOCAL_LENGTH_M,
    GAMMA,
    PROTON,
    THRESHOLD_PE,
    Array,
    Showers,
    crab_flux,
    proton_flux,
)

DEAD_TIME_S = 7e-6
CALIBRATION_RATE_HZ = 50.0
FLATFIELD, PEDESTAL, SHOWER = 0, 2, 32
"""Event types of the CTA R1 data model."""
DRIFT_DEG, DRIFT_PERIOD_S = 0.03, 40.0
"""Amplitude and period of the declination's drift in a run of unstable pointing."""
GAMMA_ENERGIES_TEV, GAMMA_RADIUS_M = (0.01, 50.0), 700.0
PROTON_ENERGIES_TEV, PROTON_CONE_DEG = (0.08 * THRESHOLD_PE / 250, 100.0), 8.0
CHUNK = 2_000_000
FLATFIELD_IMAGE = {
    "x": 0.0, "y": 0.0, "r": 0.01, "phi": 0.0, "length": 0.95, "width": 0.93, "wl": 0.98, "psi": 0.1, "skewness": 0.0,
    "kurtosis": 1.8, "time_gradient": 0.0, "intercept": 15.0, "leakage_intensity_width_1": 0.06,
    "leakage_intensity_width_2": 0.12,
}  # fmt: skip
WHOLE_NUMBERS = ("n_pixels", "n_islands", "event_type", "trigger_type", "ucts_trigger_type")


@dataclass(frozen=True)
class Track:
    """Where telescope and source are during a run, on a grid of times (s since its start)."""

    start: float
    """Unix time."""
    time: Array
    ra: Array
    dec: Array
    altitude: Array
    azimuth: Array
    """The pointing: ra and dec in deg, altitude and (unwrapped) azimuth in rad."""
    source_x: Array
    source_y: Array
    """Camera position of the source in m."""

    @property
    def cos_zenith(self) -> float:
        """Mean over the run."""
        return float(np.sin(self.altitude).mean())


def follow(run: Run) -> Track:
    """Telescope and source positions every second of a run."""
    start = Time(run.start, scale="utc").unix
    seconds = np.arange(0, run.duration + 2.0)
    times = Time(start + seconds, format="unix", scale="utc")
    source = SkyCoord(*run.position, unit="deg")
    pointing = source.directional_offset_by(run.position_angle * u.deg, WOBBLE_OFFSET_DEG * u.deg)
    drift = DRIFT_DEG * np.sin(2 * np.pi * seconds / DRIFT_PERIOD_S) * (run.defect is Defect.UNSTABLE_POINTING)
    radec = SkyCoord(np.full(len(seconds), pointing.ra.deg), pointing.dec.deg + drift, unit="deg")
    altaz = radec.transform_to(AltAz(obstime=times, location=LST1_LOCATION))
    camera = radec_to_camera(source, times, altaz.alt, altaz.az, FOCAL_LENGTH_M * u.m)
    return Track(
        start, seconds, radec.ra.deg, radec.dec.deg, altaz.alt.rad, np.unwrap(altaz.az.rad), camera.x.to_value("m"),
        camera.y.to_value("m"),
    )  # fmt: skip


def observe(layout: Layout, run: Run, seed: int) -> dict[str, object]:
    """Write the DL1 file of a run; returns the truth about it."""
    rng = np.random.default_rng([seed, run.obs_id])
    track = follow(run)
    protons, gammas = _observe_protons(rng, run, track), _observe_source(rng, run, track)
    events = pd.DataFrame(join([*protons, gammas])).assign(event_type=SHOWER, trigger_type=1, ucts_trigger_type=1)
    if run.defect is not Defect.NO_INTERLEAVED:
        events = pd.concat([events, _flatfield(rng, run), _pedestal(run)], ignore_index=True)
    path = layout.dl1(run)
    write_dl1(path, _complete(events, run, track), OBSERVED_COLUMNS)
    if run.defect is Defect.TRUNCATED:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 6 // 10])
    return _truth(run, track, n_events=len(events), n_gammas=len(gammas["t"]))


def _truth(run: Run, track: Track, n_events: int, n_gammas: int) -> dict[str, object]:
    return {
        "obs_id": run.obs_id, "night": run.night, "source": run.source, "ra": run.position[0], "dec": run.position[1],
        "flux_crab": run.flux_crab, "light_yield": run.light_yield, "defect": str(run.defect), "duration": run.duration,
        "zenith": float(np.degrees(np.arccos(track.cos_zenith))),
        "azimuth": float(np.degrees(track.azimuth.mean()) % 360),
        "pointing_ra": float(track.ra.mean()), "pointing_dec": float(track.dec.mean()),
        "n_events": n_events, "n_gammas": n_gammas,
    }  # fmt: skip


def _observe_protons(rng: np.random.Generator, run: Run, track: Track) -> list[Columns]:
    """Images of the isotropic cosmic rays at their physical rate."""
    radius = 1000.0 / max(track.cos_zenith, 0.4)
    thrower = Thrower.prepare(proton_flux, PROTON_ENERGIES_TEV, radius, track.cos_zenith, PROTON, run.light_yield)
    solid_angle = 2 * np.pi * (1 - np.cos(np.radians(PROTON_CONE_DEG)))
    rate = thrower.integral * np.pi * (radius * 100) ** 2 * solid_angle
    left = int(rng.poisson(rate * run.duration * thrower.fraction))
    lots: list[Columns] = []
    while left > 0:
        n = min(left, CHUNK)
        energy, impact = thrower.throw(rng, n)
        x, y = throw_in_ring(rng, n, 0, PROTON_CONE_DEG)
        showers = Showers(energy, impact, x, y, np.full(n, track.cos_zenith))
        seen, columns = draw_images(rng, showers, PROTON, run.light_yield)
        lots.append(columns | {"t": rng.uniform(0, run.duration, len(seen))})
        left -= n
    return lots


def _observe_source(rng: np.random.Generator, run: Run, track: Track) -> Columns:
    """Images of the source's gammas; without a source, none."""
    thrower = Thrower.prepare(crab_flux, GAMMA_ENERGIES_TEV, GAMMA_RADIUS_M, track.cos_zenith, GAMMA, run.light_yield)
    rate = run.flux_crab * thrower.integral * np.pi * (GAMMA_RADIUS_M * 100) ** 2
    n = int(rng.poisson(rate * run.duration * thrower.fraction))
    energy, impact = thrower.throw(rng, n)
    time = rng.uniform(0, run.duration, n)
    x, y = np.interp(time, track.time, track.source_x), np.interp(time, track.time, track.source_y)
    showers = Showers(energy, impact, x, y, np.full(n, track.cos_zenith))
    seen, columns = draw_images(rng, showers, GAMMA, run.light_yield)
    return columns | {"t": time[seen]}


def _flatfield(rng: np.random.Generator, run: Run) -> pd.DataFrame:
    """Interleaved flat-field events: the whole camera, 75 p.e. a pixel."""
    time = np.arange(0, run.duration, 1 / CALIBRATION_RATE_HZ)
    events = pd.DataFrame({"t": time, "event_type": FLATFIELD, "trigger_type": 4, "ucts_trigger_type": 4})
    intensity = N_PIXELS * 75 + rng.normal(0, 300, len(time))
    image = {name: value + 1e-3 * rng.normal(0, 1, len(time)) for name, value in FLATFIELD_IMAGE.items()}
    return events.assign(
        intensity=intensity, log_intensity=np.log10(intensity), n_pixels=N_PIXELS, n_islands=1, **image
    )


def _pedestal(run: Run) -> pd.DataFrame:
    """Interleaved pedestal events, which leave no image."""
    time = np.arange(0, run.duration, 1 / CALIBRATION_RATE_HZ) + 0.005
    return pd.DataFrame(
        {
            "t": time,
            "event_type": PEDESTAL,
            "trigger_type": 32,
            "ucts_trigger_type": 32,
            "n_pixels": 0,
            "n_islands": 0,
        }
    )


def _complete(events: pd.DataFrame, run: Run, track: Track) -> pd.DataFrame:
    """Sort by time, apply the dead time, add pointing, clocks and identification."""
    events = events.sort_values("t", ignore_index=True)
    events = events[np.diff(events.t, prepend=-1.0) > DEAD_TIME_S].reset_index(drop=True)
    altitude = np.interp(events.t, track.time, track.altitude)
    azimuth = np.interp(events.t, track.time, track.azimuth) % (2 * np.pi)
    clock = track.start + events.t
    events = events.assign(
        alt_tel=altitude, az_tel=azimuth, sin_az_tel=np.sin(azimuth), dragon_time=clock, ucts_time=clock,
        tib_time=clock,
        trigger_time=clock, ucts_jump=False, mc_type=-9999, obs_id=run.obs_id, event_id=np.arange(1, len(events) + 1),
        calibration_id=0, tel_id=1, tel_pos_x=50.0, tel_pos_y=50.0, tel_pos_z=16.0,
    )  # fmt: skip
    return events.astype(dict.fromkeys(WHOLE_NUMBERS, np.int64))
