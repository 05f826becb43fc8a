"""Directions of telescope and source during a run."""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.coordinates import AltAz, SkyCoord
from astropy.time import Time
from ctapipe_io_lst.constants import LST1_LOCATION
from lstchain.reco.utils import radec_to_camera

from foa_testing.night.definition import WOBBLE_OFFSET_DEG, Defect, SyntheticRun
from foa_testing.night.showers import FOCAL_LENGTH_M, Array

DRIFT_DEG, DRIFT_PERIOD_S = 0.03, 40.0
"""Amplitude and period of the declination's drift in a run of unstable pointing."""


@dataclass(frozen=True)
class Track:
    """Directions during a run, on a grid of times (s since its start)."""

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
        """Return the mean over the run."""
        return float(np.sin(self.altitude).mean())


def follow(run: SyntheticRun) -> Track:
    """Compute the directions of telescope and source at every second of a run."""
    start = Time(run.start, scale="utc").unix
    seconds = np.arange(0, run.duration + 2.0)
    times = Time(start + seconds, format="unix", scale="utc")
    source = SkyCoord(run.source.ra, run.source.dec, unit="deg")
    radec = _point(run, source, seconds)
    altaz = radec.transform_to(AltAz(obstime=times, location=LST1_LOCATION))
    camera = radec_to_camera(source, times, altaz.alt, altaz.az, FOCAL_LENGTH_M * u.m)
    horizontal = {"altitude": altaz.alt.rad, "azimuth": np.unwrap(altaz.az.rad)}
    position = {"source_x": camera.x.to_value("m"), "source_y": camera.y.to_value("m")}
    return Track(start, seconds, radec.ra.deg, radec.dec.deg, **horizontal, **position)


def _point(run: SyntheticRun, source: SkyCoord, seconds: Array) -> SkyCoord:
    """Return the pointings: at the wobble offset from the source, drifting if unstable."""
    angle, offset = run.position_angle * u.deg, WOBBLE_OFFSET_DEG * u.deg
    pointing = source.directional_offset_by(angle, offset)
    drift = DRIFT_DEG * np.sin(2 * np.pi * seconds / DRIFT_PERIOD_S)
    dec = pointing.dec.deg + drift * (run.defect is Defect.UNSTABLE_POINTING)
    return SkyCoord(np.full(len(seconds), pointing.ra.deg), dec, unit="deg")
