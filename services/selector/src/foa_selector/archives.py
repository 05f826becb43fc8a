"""Reading what the on-site analysis left: run lists, datacheck tables, DL1 files, models."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import h5py
import numpy as np
from astropy.table import Table as AstropyTable
from foa.archive import find_files, find_newest, spell_night, stamp
from foa.manifests import Archive, FileStamp, Models, TestNode
from foa.stage import BadInput
from numpy.typing import NDArray

from foa_selector import choice

DL1_PARAMETERS = "dl1/event/telescope/parameters/LST_LSTCam"
DATA = "DATA"


@dataclass(frozen=True)
class ListedRun:
    """A data run as the night's lists have it; the position is the pointing's, NaN where no catalog has it."""

    obs_id: int
    source: str
    ra: float
    dec: float


@dataclass(frozen=True)
class Datacheck:
    """Night-wise datacheck tables."""

    subruns: NDArray[np.void]
    runs: NDArray[np.void]

    def of_run(self, obs_id: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Rows of a run's subruns, and of the run (empty where there are none)."""
        return self.subruns[self.subruns["runnumber"] == obs_id], self.runs[self.runs["runnumber"] == obs_id]


def list_runs(archive: Archive, night: date) -> list[ListedRun]:
    """Data runs of a night, with the catalog's sources; none if the night has no run summary."""
    summary = find_newest(archive.run_summary, night=spell_night(night))
    if summary is None:
        return []
    runs = [int(row["run_id"]) for row in _read_ecsv(summary) if str(row["run_type"]) == DATA]
    catalog = find_newest(archive.run_catalog, night=spell_night(night))
    rows = {int(row["run_id"]): row for row in _read_ecsv(catalog)} if catalog else {}
    return [_listed(obs_id, rows.get(obs_id)) for obs_id in runs]


def _listed(obs_id: int, row: AstropyTable.Row | None) -> ListedRun:
    if row is None:
        return ListedRun(obs_id, "", np.nan, np.nan)
    return ListedRun(obs_id, str(row["source_name"]), float(row["source_ra"]), float(row["source_dec"]))


def _read_ecsv(path: Path) -> AstropyTable:
    try:
        return AstropyTable.read(path, format="ascii.ecsv")
    except Exception as error:
        raise BadInput(f"{path}: not a readable ECSV table: {error}") from error


def read_datacheck(archive: Archive, night: date) -> Datacheck | None:
    """The night's datacheck tables, or None where there is no file.

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
            return Datacheck(file["cosmics_intensity_spectrum/table"][:], file["runsummary/table"][:])
    except (OSError, KeyError) as error:
        raise BadInput(f"{path}: not a night-wise datacheck file with cosmics spectra: {error}") from error


def find_dl1(archive: Archive, night: date, obs_id: int) -> FileStamp:
    """The run's newest DL1 file.

    Raises
    ------
    BadInput
        If there is none, or it cannot be opened, or holds no events.
    """
    path = find_newest(archive.dl1, night=spell_night(night), obs_id=obs_id)
    if path is None:
        raise BadInput(f"no DL1 file {archive.dl1.format(night=spell_night(night), obs_id=obs_id)}")
    try:
        with h5py.File(path) as file:
            n_events = len(file[DL1_PARAMETERS])
    except (OSError, KeyError) as error:
        raise BadInput(f"{path}: not a readable DL1 file: {error}") from error
    if not n_events:
        raise BadInput(f"{path}: holds no events")
    return stamp(path)


def find_models(archive: Archive, obs_id: int, dl1: Path, pointing_dec: float) -> tuple[Models, tuple[TestNode, ...]]:
    """Models for a run, and the test MC that goes with them.

    Raises
    ------
    BadInput
        If no installed production fits, or one is incomplete.
    """
    rate = _nsb_rate(archive, obs_id)
    try:
        productions = _installed_levels(archive)
        level = choice.choose_nsb_level(productions, rate or 0.0, choice.parse_picture_threshold(dl1.parent.name))
        directory = Path(archive.models) / productions[level]
        line = choice.choose_line([path.name for path in directory.glob("dec_*")], pointing_dec)
    except (ValueError, IndexError) as error:
        raise BadInput(f"run {obs_id}: {error}") from error
    return _models(productions[level], directory / line, rate), _nodes(archive, productions[level], line)


def _nsb_rate(archive: Archive, obs_id: int) -> float | None:
    path = find_newest(archive.tailcuts, obs_id=obs_id)
    if path is None:
        return None
    try:
        return choice.parse_nsb_rate(path.read_text())
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _installed_levels(archive: Archive) -> dict[float, str]:
    """Names of the installed productions by their NSB level."""
    prefix = f"{archive.production}nsb_tuning_"
    names = [path.name for path in Path(archive.models).glob(f"{prefix}*")]
    return {float(name.removeprefix(prefix)): name for name in names}


def _models(production: str, directory: Path, rate: float | None) -> Models:
    configs = sorted(directory.glob("*.json"))
    forests = sorted([*directory.glob("*.sav"), *directory.glob("training_dirs.ecsv")])
    if not configs or not forests:
        raise BadInput(f"{directory}: lacks Random Forests (*.sav) or their configuration (*.json)")
    return Models(
        production=production, line=directory.name, nsb_rate=rate, directory=str(directory),
        files=tuple(stamp(path) for path in forests), config=stamp(configs[-1]),
    )  # fmt: skip


def _nodes(archive: Archive, production: str, line: str) -> tuple[TestNode, ...]:
    paths = find_files(archive.test_dl2, production=production, line=line)
    if not paths:
        raise BadInput(f"no test MC DL2 {archive.test_dl2.format(production=production, line=line)}")
    return tuple(TestNode(name=path.parent.name, dl2=stamp(path)) for path in paths)
