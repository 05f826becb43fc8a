"""Files that LSTOSA writes beside the data.

They are the run summaries and run catalogs of the nights, the merged summary, and the logs of the
tailcuts finder.
"""

from collections.abc import Iterable, Sequence

import astropy.units as u
import numpy as np
from astropy.table import Table
from astropy.time import Time

from foa_testing.night.definition import NSB_RATE, Layout, SyntheticRun
from foa_testing.night.track import follow

SUMMARY_COLUMNS = {
    "run_id": "int64",
    "n_subruns": "int64",
    "run_type": "str",
    "ucts_timestamp": "int64",
    "run_start": "int64",
    "dragon_reference_time": "int64",
    "dragon_reference_module_id": "int16",
    "dragon_reference_module_index": "int16",
    "dragon_reference_counter": "uint64",
    "dragon_reference_source": "str",
}
CATALOG_COLUMNS = {
    "run_id": "int32",
    "source_name": "str",
    "source_ra": "float64",
    "source_dec": "float64",
}
DRAGON_REFERENCE = (90, 0, 1000000000, "ucts")
"""Reference module: id, index, counter, source."""
TAILCUTS_LOG = f"""Median of 95% quantile of pedestal charge: 4.512 p.e.

Additional NSB rate (over dark MC): {NSB_RATE:.4f} p.e./ns
lstchain_find_tailcuts finished successfully!
"""


def write_catalogs(layout: Layout, runs: Sequence[SyntheticRun]) -> None:
    """Write every list of runs, and the log of lstchain_find_tailcuts for each run."""
    for night in sorted({run.directory_night for run in runs}):
        of_night = [run for run in runs if run.directory_night == night]
        _write_summary(layout, night, of_night)
        _write_catalog(layout, night, of_night)
    _write_merged_summary(layout, runs)
    for run in runs:
        _write_tailcuts_log(layout, run)


def _unix_ns(run: SyntheticRun, seconds: float = 0) -> int:
    """Return a time, in s since the start of a run, as TAI nanoseconds since 1970."""
    return round(float(Time(run.start, scale="utc").unix_tai + seconds) * 1e9)


def _write_summary(layout: Layout, night: str, runs: Sequence[SyntheticRun]) -> None:
    """Write the RunSummary: calibration runs and data runs, with their clocks."""
    first = runs[0]
    rows = [
        (first.obs_id - 3, 5, "DRS4", _unix_ns(first, -900)),
        (first.obs_id - 2, 5, "PEDCALIB", _unix_ns(first, -600)),
        *((run.obs_id, run.n_subruns, "DATA", _unix_ns(run)) for run in runs),
    ]
    table = _table(((*row, *row[3:] * 2, *DRAGON_REFERENCE) for row in rows), SUMMARY_COLUMNS)
    date = f"{night[:4]}-{night[4:6]}-{night[6:]}"
    table.meta = {"date": date, "lstchain_version": "0.12.3"}
    _write(table, layout, f"monitoring/RunSummary/RunSummary_{night}.ecsv")


def _write_catalog(layout: Layout, night: str, runs: Sequence[SyntheticRun]) -> None:
    """Write the RunCatalog: the source's name with the coordinates of the pointing."""
    tracks = [follow(run) for run in runs]
    rows = [
        (run.obs_id, run.source.name, float(track.ra.mean()), float(track.dec.mean()))
        for run, track in zip(runs, tracks, strict=True)
    ]
    table = _table(rows, CATALOG_COLUMNS)
    _write(table, layout, f"monitoring/RunCatalog/RunCatalog_{night}.ecsv")


def _write_merged_summary(layout: Layout, runs: Sequence[SyntheticRun]) -> None:
    """Write the summary of all nights, with mean pointings."""
    tracks = [follow(run) for run in runs]
    columns = {
        "date": [run.night for run in runs],
        "run_id": [run.obs_id for run in runs],
        "run_type": ["DATA"] * len(runs),
        "n_subruns": [run.n_subruns for run in runs],
        "run_start": Time([run.start for run in runs], scale="utc"),
        "ra": [track.ra.mean() for track in tracks] * u.deg,
        "dec": [track.dec.mean() for track in tracks] * u.deg,
        "alt": [track.altitude.mean() for track in tracks] * u.rad,
        "az": [track.azimuth.mean() % (2 * np.pi) for track in tracks] * u.rad,
    }
    _write(Table(columns), layout, "OSA/Catalog/merged_RunSummary.ecsv", delimiter=" ")


def _table(rows: Iterable[tuple[object, ...]], columns: dict[str, str]) -> Table:
    return Table(rows=list(rows), names=list(columns), dtype=list(columns.values()))


def _write(table: Table, layout: Layout, name: str, delimiter: str = ",") -> None:
    path = layout.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, overwrite=True, delimiter=delimiter)


def _write_tailcuts_log(layout: Layout, run: SyntheticRun) -> None:
    path = layout.root / f"auxiliary/TailCuts/log_find_tailcuts_Run{run.obs_id:05d}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TAILCUTS_LOG)
