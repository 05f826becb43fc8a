"""What LSTOSA writes beside the data: run summaries, run catalogs, the merged summary, the tailcuts finder's logs."""

import astropy.units as u
import numpy as np
from astropy.table import Table
from astropy.time import Time

from foa.testing.night.datacheck import SUBRUN_S
from foa.testing.night.definition import NSB_RATE, Layout, Run
from foa.testing.night.observation import follow


def write_catalogs(layout: Layout, runs: tuple[Run, ...]) -> None:
    """Write every list of runs, and what lstchain_find_tailcuts says of each."""
    for night in sorted({run.directory_night for run in runs}):
        of_night = [run for run in runs if run.directory_night == night]
        _write_summary(layout, night, of_night)
        _write_catalog(layout, night, of_night)
    _write_merged_summary(layout, runs)
    for run in runs:
        _write_tailcuts_log(layout, run)


def _unix_ns(run: Run, seconds: float = 0) -> int:
    return round(float(Time(run.start, scale="utc").unix_tai + seconds) * 1e9)


def _write_summary(layout: Layout, night: str, runs: list[Run]) -> None:
    """RunSummary: calibration runs and data runs, with their clocks."""
    first = runs[0]
    rows = [
        (first.obs_id - 3, 5, "DRS4", _unix_ns(first, -900)), (first.obs_id - 2, 5, "PEDCALIB", _unix_ns(first, -600)),
        *((run.obs_id, int(run.duration // SUBRUN_S), "DATA", _unix_ns(run)) for run in runs),
    ]  # fmt: skip
    table = Table(
        rows=[(*row, row[3], row[3], 90, 0, 1000000000, "ucts") for row in rows],
        names=["run_id", "n_subruns", "run_type", "ucts_timestamp", "run_start", "dragon_reference_time",
               "dragon_reference_module_id", "dragon_reference_module_index", "dragon_reference_counter",
               "dragon_reference_source"],
        dtype=["int64", "int64", "str", "int64", "int64", "int64", "int16", "int16", "uint64", "str"],
    )  # fmt: skip
    table.meta = {"date": f"{night[:4]}-{night[4:6]}-{night[6:]}", "lstchain_version": "0.12.3"}
    _write(table, layout, f"monitoring/RunSummary/RunSummary_{night}.ecsv")


def _write_catalog(layout: Layout, night: str, runs: list[Run]) -> None:
    """RunCatalog: the name of the source, and the coordinates of the pointing."""
    rows = []
    for run in runs:
        track = follow(run)
        rows.append((run.obs_id, run.source, float(track.ra.mean()), float(track.dec.mean())))
    names, kinds = (
        ["run_id", "source_name", "source_ra", "source_dec"],
        ["int32", "str", "float64", "float64"],
    )
    _write(Table(rows=rows, names=names, dtype=kinds), layout, f"monitoring/RunCatalog/RunCatalog_{night}.ecsv")


def _write_merged_summary(layout: Layout, runs: tuple[Run, ...]) -> None:
    tracks = [follow(run) for run in runs]
    table = Table({
        "date": [run.night for run in runs], "run_id": [run.obs_id for run in runs], "run_type": ["DATA"] * len(runs),
        "n_subruns": [int(run.duration // SUBRUN_S) for run in runs],
        "run_start": Time([run.start for run in runs], scale="utc"),
        "ra": [t.ra.mean() for t in tracks] * u.deg, "dec": [t.dec.mean() for t in tracks] * u.deg,
        "alt": [t.altitude.mean() for t in tracks] * u.rad,
        "az": [t.azimuth.mean() % (2 * np.pi) for t in tracks] * u.rad,
    })  # fmt: skip
    _write(table, layout, "OSA/Catalog/merged_RunSummary.ecsv", delimiter=" ")


def _write(table: Table, layout: Layout, name: str, delimiter: str = ",") -> None:
    path = layout.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path, overwrite=True, delimiter=delimiter)


def _write_tailcuts_log(layout: Layout, run: Run) -> None:
    path = layout.root / f"auxiliary/TailCuts/log_find_tailcuts_Run{run.obs_id:05d}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "Median of 95% quantile of pedestal charge: 4.512 p.e.\n\n"
        f"Additional NSB rate (over dark MC): {NSB_RATE:.4f} p.e./ns\nlstchain_find_tailcuts finished successfully!\n"
    )
