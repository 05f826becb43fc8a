"""Events of a DL1 file in chunks, with the columns that depend on the events before and after."""

from collections.abc import Iterator

import pandas as pd
import tables
from lstchain.reco.utils import add_delta_t_key, impute_pointing

POINTING = ["alt_tel", "az_tel"]


class PointingMissing(Exception):
    """An event, or every one, has no pointing."""


def chunks(table: tables.Table, size: int) -> Iterator[pd.DataFrame]:
    """Yield the events of a file with time differences, `size` at a time.

    Raises
    ------
    PointingMissing
        If an event has none.
    """
    for start in range(0, table.nrows, size):
        yield _with_pointing(_with_time_differences(table, start, min(start + size, table.nrows)))


def _with_time_differences(table: tables.Table, start: int, stop: int) -> pd.DataFrame:
    before = max(start - 1, 0)  # the first difference is that to the event before the chunk
    events = pd.DataFrame.from_records(table.read(before, stop))
    return add_delta_t_key(events).iloc[start - before :]


def _with_pointing(events: pd.DataFrame) -> pd.DataFrame:
    if set(POINTING) <= set(events.columns) and events[POINTING].isna().any(axis=None):
        raise PointingMissing
    return events


def imputed(table: tables.Table, size: int) -> Iterator[pd.DataFrame]:
    """Yield the events of a file with time differences and missing pointings interpolated.

    This needs some columns of all events in memory, so it is used only where pointings are
    missing.

    Raises
    ------
    PointingMissing
        If no event has one.
    """
    names = ["event_id", *POINTING, *(name for name in ("dragon_time",) if name in table.colnames)]
    columns = pd.DataFrame({name: table.col(name) for name in names})
    if columns[POINTING].isna().all().any():
        raise PointingMissing("no event has a valid pointing (alt_tel, az_tel)")
    # in the order of the stock tool: impute_pointing sorts by event_id
    whole = impute_pointing(add_delta_t_key(columns))
    for start in range(0, len(whole), size):
        part = whole.iloc[start : start + size]
        events = pd.DataFrame.from_records(table.read_coordinates(part.index.to_numpy(copy=True)))
        yield events.assign(**{name: part[name].to_numpy() for name in part.columns})
