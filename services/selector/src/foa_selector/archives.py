"""Files that the on-site analysis left: run lists, datacheck tables, DL1 files, models."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import h5py
import numpy as np
from astropy.table import Table as AstropyTable
from numpy.typing import NDArray

from foa_selector.model_choice import (
    choose_line,
    choose_nsb_level,
    parse_nsb_rate,
    parse_picture_threshold,
)
from foa_stage.archive import find_files, find_newest, spell_night, stamp
from foa_stage.manifests import Archive, FileStamp, Models, TestNode
from foa_stage.runner import BadInput

DL1_PARAMETERS = "dl1/event/telescope/parameters/LST_LSTCam"
DATA = "DATA"
"""Type of a run that observed the sky."""
SUMMARY_COLUMNS = ("run_id", "run_type")
CATALOG_COLUMNS = ("run_id", "source_name", "source_ra", "source_dec")

Rows = NDArray[np.void]


@dataclass(frozen=True)
class ListedRun:
    """A data run in the night's lists: the catalog's source and its position in degrees.

    The position is the pointing's; NaN where no catalog lists the run.
    """

    obs_id: int
    source: str
    ra: float
    dec: float


@dataclass(frozen=True)
class Datacheck:
    """Night-wise datacheck tables."""

    subruns: Rows
    runs: Rows

    def of_run(self, obs_id: int) -> tuple[Rows, Rows]:
        """Return the rows of a run's subruns, and of the run; empty where there are none."""
        subruns = self.subruns[self.subruns["runnumber"] == obs_id]
        return subruns, self.runs[self.runs["runnumber"] == obs_id]


def list_types(archive: Archive, night: date) -> dict[int, str]:
    """Return the type of every run of a night; none if the night has no run summary.

    Raises
    ------
    BadInput
        If the summary is not readable, or lacks a column.
    """
    summary = find_newest(archive.run_summary, night=spell_night(night))
    if summary is None:
        return {}
    return {
        int(row["run_id"]): str(row["run_type"]) for row in _read_ecsv(summary, SUMMARY_COLUMNS)
    }


def list_runs(archive: Archive, night: date) -> list[ListedRun]:
    """Return the data runs of a night; none if the night has no run summary.

    Raises
    ------
    BadInput
        If the summary or the catalog is not readable, or lacks a column.
    """
    runs = [obs_id for obs_id, kind in list_types(archive, night).items() if kind == DATA]
    catalog = find_newest(archive.run_catalog, night=spell_night(night)) if runs else None
    sources = _read_ecsv(catalog, CATALOG_COLUMNS) if catalog else ()
    rows = {int(row["run_id"]): row for row in sources}
    return [_listed(obs_id, rows.get(obs_id)) for obs_id in runs]


def missing_lists(archive: Archive, night: date) -> list[str]:
    """Return which of the night's lists of runs are not there."""
    lists = {"run summary": archive.run_summary, "run catalog": archive.run_catalog}
    found = {name: find_newest(path, night=spell_night(night)) for name, path in lists.items()}
    return [name for name, path in found.items() if path is None]


def _listed(obs_id: int, row: AstropyTable.Row | None) -> ListedRun:
    if row is None:
        return ListedRun(obs_id, "", np.nan, np.nan)
    ra, dec = float(row["source_ra"]), float(row["source_dec"])
    return ListedRun(obs_id, str(row["source_name"]), ra, dec)


def _read_ecsv(path: Path, columns: tuple[str, ...]) -> AstropyTable:
    try:
        table = AstropyTable.read(path, format="ascii.ecsv")
    except Exception as error:
        raise BadInput(f"{path}: not a readable ECSV table: {error}") from error
    if missing := ", ".join(sorted(set(columns) - set(table.colnames))):
        raise BadInput(f"{path}: no column {missing}")
    return table


def read_datacheck(archive: Archive, night: date) -> Datacheck | None:
    """Return the night's datacheck tables; None where there is no file.

    Raises
    ------
    BadInput
        If the file cannot be read or lacks a table.
    """
    path = find_newest(archive.datacheck, night=spell_night(night))
    if path is None:
        return None
    try:
        with h5py.File(path) as file:
            subruns = file["cosmics_intensity_spectrum/table"][:]
            return Datacheck(subruns, file["runsummary/table"][:])
    except (OSError, KeyError) as error:
        fault = "not a night-wise datacheck file with cosmics spectra"
        raise BadInput(f"{path}: {fault}: {error}") from error


def find_dl1(archive: Archive, night: date, obs_id: int) -> FileStamp:
    """Return the run's newest DL1 file.

    Raises
    ------
    BadInput
        If there is none, or it cannot be opened, or holds no events.
    """
    path = find_newest(archive.dl1, night=spell_night(night), obs_id=obs_id)
    if path is None:
        expected = archive.dl1.format(night=spell_night(night), obs_id=obs_id)
        raise BadInput(f"no DL1 file {expected}")
    try:
        with h5py.File(path) as file:
            n_events = len(file[DL1_PARAMETERS])
    except (OSError, KeyError) as error:
        raise BadInput(f"{path}: not a readable DL1 file: {error}") from error
    if not n_events:
        raise BadInput(f"{path}: holds no events")
    return stamp(path)


def find_models(
    archive: Archive, obs_id: int, dl1: Path, pointing_dec: float
) -> tuple[Models, tuple[TestNode, ...]]:
    """Return the models for a run, and the test MC that goes with them.

    Parameters
    ----------
    archive
        Templates of the paths.
    obs_id
        Number of the run.
    dl1
        Its DL1 file, in a directory that names its cleaning.
    pointing_dec
        Declination of its pointing in degrees.

    Raises
    ------
    BadInput
        If no installed production fits, or one is incomplete.
    """
    rate = _nsb_rate(archive, obs_id)
    try:
        productions = _installed_levels(archive)
        threshold = parse_picture_threshold(dl1.parent.name)
        production = productions[choose_nsb_level(productions, rate or 0.0, threshold)]
        directory = Path(archive.models) / production
        line = choose_line([path.name for path in directory.glob("dec_*")], pointing_dec)
    except (ValueError, IndexError) as error:
        raise BadInput(f"run {obs_id}: {error}") from error
    return _models(production, directory / line, rate), _nodes(archive, production, line)


def _nsb_rate(archive: Archive, obs_id: int) -> float | None:
    path = find_newest(archive.tailcuts, obs_id=obs_id)
    if path is None:
        return None
    try:
        return parse_nsb_rate(path.read_text())
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _installed_levels(archive: Archive) -> dict[float, str]:
    """Return the names of the installed productions by their NSB level (p.e./ns)."""
    prefix = f"{archive.production}nsb_tuning_"
    names = [path.name for path in Path(archive.models).glob(f"{prefix}*")]
    return {float(name.removeprefix(prefix)): name for name in names}


def _models(production: str, directory: Path, rate: float | None) -> Models:
    configs = sorted(directory.glob("*.json"))
    forests = sorted([*directory.glob("*.sav"), *directory.glob("training_dirs.ecsv")])
    if not configs or not forests:
        parts = "Random Forests (*.sav) or their configuration (*.json)"
        raise BadInput(f"{directory}: lacks {parts}")
    return Models(
        production=production,
        line=directory.name,
        nsb_rate=rate,
        directory=directory,
        files=tuple(stamp(path) for path in forests),
        config=stamp(configs[-1]),
    )


def _nodes(archive: Archive, production: str, line: str) -> tuple[TestNode, ...]:
    paths = find_files(archive.test_dl2, production=production, line=line)
    if not paths:
        expected = archive.test_dl2.format(production=production, line=line)
        raise BadInput(f"no test MC DL2 {expected}")
    return tuple(TestNode(name=path.parent.name, dl2=stamp(path)) for path in paths)
