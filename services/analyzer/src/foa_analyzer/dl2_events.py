"""Directions of events in DL2 files, read in pieces: a run has ten million events."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import astropy.units as u
import numpy as np
import tables
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.coordinates.erfa_astrom import ErfaAstromInterpolator, erfa_astrom
from astropy.time import Time
from numpy.typing import NDArray

from foa_stage.event_filters import SHOWER
from foa_stage.manifests import Theta2Cuts
from foa_stage.runner import BadInput

LST1 = EarthLocation.from_geodetic(-17.89149701 * u.deg, 28.76152611 * u.deg, 2199.88 * u.m)
"""ctapipe_io_lst.constants.LST1_LOCATION."""
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"
PIECE_ROWS = 100_000
"""Rows in memory at a time: 50 MiB of the 64 columns that lstchain writes."""
EARTH_STEP = 300 * u.s
"""Step of the Earth's orientation, linear in between, as in lstchain.high_level.hdu_table."""

COLUMNS = (
    "gammaness",
    "intensity",
    "reco_energy",
    "reco_alt",
    "reco_az",
    "alt_tel",
    "az_tel",
    "dragon_time",
)
Array = NDArray[np.float64]
Columns = dict[str, Array]


def read_pointing(path: Path) -> SkyCoord:
    """Read the pointing of a DL2 file in the middle of its run, in ICRS.

    Raises
    ------
    BadInput
        If the file is not readable, or has no showers in its second half.
    """
    for showers in _read_showers(path, skipped=0.5):
        if len(showers["dragon_time"]):
            pointed = (showers[name][:1] for name in ("alt_tel", "az_tel", "dragon_time"))
            return _to_sky(*pointed)[0]
    raise BadInput(f"{path}: no showers in the second half of the DL2 file")


def read_directions(path: Path, sets: Sequence[Theta2Cuts]) -> Iterator[list[SkyCoord]]:
    """Read reconstructed directions from a DL2 file, in ICRS, piece by piece.

    Yields
    ------
    list of SkyCoord
        The showers of a piece that survive each set of cuts, in the order of these sets.

    Raises
    ------
    BadInput
        If the file is not readable.
    """
    for showers in _read_showers(path):
        surviving = [_survives(showers, cuts) for cuts in sets]
        survives_any = np.logical_or.reduce(surviving)
        if survives_any.any():
            placed = (
                showers[name][survives_any] for name in ("reco_alt", "reco_az", "dragon_time")
            )
            sky = _to_sky(*placed)
            yield [sky[one[survives_any]] for one in surviving]


def _read_showers(path: Path, skipped: float = 0.0) -> Iterator[Columns]:
    """Yield the showers of each piece of the table, after a part of it that is skipped."""
    try:
        with tables.open_file(path) as file:
            table = file.get_node(DL2_PARAMETERS)
            for start in range(int(skipped * table.nrows), table.nrows, PIECE_ROWS):
                yield _read_columns(table, start)
    except (OSError, LookupError, ValueError, tables.HDF5ExtError) as error:
        raise BadInput(f"{path}: not a readable DL2 file: {error}") from error


def _read_columns(table: tables.Table, start: int) -> Columns:
    rows = table.read(start, start + PIECE_ROWS)
    is_shower = rows["event_type"] == SHOWER
    return {name: rows[name][is_shower] for name in COLUMNS}


def _survives(showers: Columns, cuts: Theta2Cuts) -> NDArray[np.bool_]:
    return (
        (showers["gammaness"] > cuts.min_gammaness)
        & (showers["intensity"] > cuts.min_intensity_pe)
        & (showers["reco_energy"] > cuts.energy_tev.low)
        & (showers["reco_energy"] < cuts.energy_tev.high)
    )


def _to_sky(altitude: Array, azimuth: Array, unix_time: Array) -> SkyCoord:
    """Transform horizontal coordinates (rad) at given times to ICRS."""
    frame = AltAz(obstime=Time(unix_time, format="unix", scale="utc"), location=LST1)
    with erfa_astrom.set(ErfaAstromInterpolator(EARTH_STEP)):
        return SkyCoord(alt=altitude * u.rad, az=azimuth * u.rad, frame=frame).icrs
