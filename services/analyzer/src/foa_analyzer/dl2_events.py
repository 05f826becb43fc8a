"""Directions of events in DL2 files."""

from pathlib import Path

import astropy.units as u
import numpy as np
import tables
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from numpy.typing import NDArray

from foa_stage.event_filters import SHOWER
from foa_stage.manifests import Theta2Cuts
from foa_stage.runner import BadInput

LST1 = EarthLocation.from_geodetic(-17.89149701 * u.deg, 28.76152611 * u.deg, 2199.88 * u.m)
"""ctapipe_io_lst.constants.LST1_LOCATION."""
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"


def read_directions(path: Path, cuts: Theta2Cuts) -> tuple[SkyCoord, SkyCoord]:
    """Read directions from a DL2 file, in ICRS.

    Returns
    -------
    tuple of SkyCoord
        Reconstructed directions of the showers that survive the cuts, and the mean pointing.

    Raises
    ------
    BadInput
        If the file is not readable.
    """
    try:
        with tables.open_file(path) as file:
            events = file.get_node(DL2_PARAMETERS).read()
        events = events[events["event_type"] == SHOWER]
        survives = _survives(events, cuts)
    except (OSError, LookupError, ValueError, tables.HDF5ExtError) as error:
        raise BadInput(f"{path}: not a readable DL2 file: {error}") from error
    middle = events[[len(events) // 2]]
    events = events[survives]
    pointing = _to_sky(middle["alt_tel"], middle["az_tel"], middle["dragon_time"])[0]
    return _to_sky(events["reco_alt"], events["reco_az"], events["dragon_time"]), pointing


def _survives(events: NDArray[np.void], cuts: Theta2Cuts) -> NDArray[np.bool_]:
    survives = (
        (events["gammaness"] > cuts.min_gammaness)
        & (events["intensity"] > cuts.min_intensity_pe)
        & (events["reco_energy"] > cuts.energy_tev.low)
        & (events["reco_energy"] < cuts.energy_tev.high)
    )
    return np.asarray(survives)


def _to_sky(
    altitude: NDArray[np.float64], azimuth: NDArray[np.float64], unix_time: NDArray[np.float64]
) -> SkyCoord:
    """Transform horizontal coordinates (rad) at given times to ICRS."""
    frame = AltAz(obstime=Time(unix_time, format="unix", scale="utc"), location=LST1)
    return SkyCoord(alt=altitude * u.rad, az=azimuth * u.rad, frame=frame).icrs
