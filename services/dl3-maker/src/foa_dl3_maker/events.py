"""The events of a DL2 file, read once, in chunks: what follows from all, and those to keep."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import tables
from astropy.table import QTable
from lstchain.io import EventSelector
from lstchain.io.io import dl2_params_lstcam_key
from lstchain.reco.utils import get_effective_time, get_geomagnetic_delta
from numpy.typing import NDArray

from foa_stage.runner import NothingLeft

Column = NDArray[Any]

CHUNK_EVENTS = 1 << 16
TIMES = ("event_type", "dragon_time", "delta_t")
"""Columns that the effective time needs of all events."""
POINTING = ("alt_tel", "az_tel")
EVENT_LIST = ("event_id", "tel_id", "reco_energy", "gammaness", "reco_alt", "reco_az")
"""Columns that the event list needs besides times and pointing."""
WORDS = {"gammaness": "gh_score", "alt_tel": "pointing_alt", "az_tel": "pointing_az"}
"""Columns that lstchain.io.read_data_dl2_to_QTable renames."""
UNITS = {
    "reco_energy": u.TeV,
    "pointing_alt": u.rad,
    "pointing_az": u.rad,
    "reco_alt": u.rad,
    "reco_az": u.rad,
    "dragon_time": u.s,
}
"""Units that it sets."""


@dataclass(frozen=True)
class RunEvents:
    """All that an event list needs of a DL2 file."""

    pointing: dict[str, u.Quantity]
    """Mean of all events: the parameters of the interpolation of IRFs, in lstchain's words."""
    effective_time: u.Quantity
    elapsed_time: u.Quantity
    selected: QTable
    """The selected events, in lstchain's words."""


def read_events(dl2: Path, selector: EventSelector) -> RunEvents:
    """Read a DL2 file.

    Of the events that are not selected, 40 bytes each stay in memory until the end: lstchain's
    effective time and mean pointing follow from all events of a run at once.

    Raises
    ------
    OSError, LookupError, tables.HDF5ExtError
        If the file is not readable or lacks a column.
    NothingLeft
        If no event is selected.
    """
    with tables.open_file(dl2) as file:
        table = file.get_node(dl2_params_lstcam_key)
        columns = {name: _column(table, name) for name in (*TIMES, *POINTING)}
        selected = _stream(table, columns, selector)
    refuse_none(selected, dl2)
    pointing = mean_pointing(*[columns.pop(name) for name in POINTING])
    effective, elapsed = get_effective_time(columns)
    columns.clear()
    events = QTable.from_pandas(selected.rename(columns=WORDS), units=UNITS)
    return RunEvents(pointing, effective, elapsed, events)


def _column(table: tables.Table, name: str) -> Column:
    return np.empty(table.nrows, table.coldtypes[name])


def _stream(
    table: tables.Table, columns: dict[str, Column], selector: EventSelector
) -> pd.DataFrame:
    """Fill the columns of all events, and return the selected events."""
    needed = dict.fromkeys((*columns, *EVENT_LIST, *selector.filters, *selector.finite_params))
    selected = []
    for start in range(0, table.nrows or 1, CHUNK_EVENTS):
        rows = table.read(start, start + CHUNK_EVENTS)[list(needed)]
        for name, values in columns.items():
            values[start : start + len(rows)] = rows[name]
        selected.append(selector.filter_cut(pd.DataFrame.from_records(rows)))
    return pd.concat(selected, ignore_index=True)


def refuse_none(events: pd.DataFrame | QTable, dl2: Path) -> None:
    """Raise NothingLeft if there are no events of a DL2 file."""
    if not len(events):
        cuts = "event filters and gammaness cuts"
        raise NothingLeft(f"{dl2}: no event is left after {cuts}")


def mean_pointing(altitude: Column, azimuth: Column) -> dict[str, u.Quantity]:
    """Return the parameters of the interpolation, as lstchain.io.read_data_dl2_to_QTable does.

    Parameters
    ----------
    altitude, azimuth
        Pointing of each event, in rad.
    """
    zenith = np.pi / 2 * u.rad - altitude.mean() * u.rad
    mean_azimuth = azimuth.mean() * u.rad
    if mean_azimuth < 0:
        mean_azimuth += 2 * np.pi * u.rad
    delta = u.Quantity(get_geomagnetic_delta(zen=zenith, az=mean_azimuth))
    angles = {"ZEN_PNT": zenith, "AZ_PNT": mean_azimuth, "B_DELTA": delta}
    return {name: round(angle.to_value(u.deg), 5) * u.deg for name, angle in angles.items()}
