"""DL1 → DL2 in chunks: lstchain's functions do the physics, only reading, chunking and writing are ours."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from threading import Lock
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import tables
from astropy.coordinates import Angle
from astropy.table import Table
from ctapipe.core import Provenance, Tool, traits
from ctapipe.instrument import SubarrayDescription
from ctapipe_io_lst import OPTICS
from lstchain.io import (
    get_dataset_keys,
    global_metadata,
    read_configuration_file,
    replace_config,
    standard_config,
    write_metadata,
)
from lstchain.io.io import (
    dl1_images_lstcam_key,
    dl1_likelihood_params_lstcam_key,
    dl1_params_lstcam_key,
    dl1_params_src_dep_lstcam_key,
    dl2_params_lstcam_key,
    write_dataframe,
)
from lstchain.io.provenance import write_provenance
from lstchain.reco.dl1_to_dl2 import apply_models

from foa_dl2_converter.events import PointingMissing, chunks, imputed
from foa_dl2_converter.layout import load

CHUNK_EVENTS = 22 << 10
LZ4 = tables.Filters(complevel=1, complib="blosc:lz4", fletcher32=True)
"""The stock tool's blosc:zstd makes files 19 % smaller, but takes longer than the Random Forests (ADR 0007)."""
FORESTS = {
    "disp_vector": ("reg_energy", "cls_gh", "reg_disp_vector"),
    "disp_norm_sign": ("reg_energy", "cls_gh", "reg_disp_norm", "cls_disp_sign"),
}
"""What each method of the direction needs."""
NOT_COPIED = (
    dl1_images_lstcam_key, dl1_params_lstcam_key, dl1_params_src_dep_lstcam_key, dl1_likelihood_params_lstcam_key,
)  # fmt: skip


class Refused(Exception):
    """The configuration asks for something that is not supported; says what."""


@dataclass(frozen=True)
class Reconstruction:
    """What turns events into reconstructed ones."""

    config: dict[str, Any]
    forests: dict[str, Any]
    interpolated: dict[str, bool] | None
    training: Table | None
    """Pointings of the training MC."""
    focal_length: u.Quantity
    turn: "Lock"
    """Whose turn it is in lstchain's functions, which are not made for threads; forests pass it on while they work."""

    def __call__(self, events: pd.DataFrame) -> pd.DataFrame:
        """Reconstruct those events of a chunk that the filters leave."""
        with self.turn:
            return self._reconstruct(events)

    def _reconstruct(self, events: pd.DataFrame) -> pd.DataFrame:
        events.az_tel = Angle(events.az_tel, u.rad).wrap_at(360 * u.deg).rad
        if "sin_az_tel" not in events.columns:
            events["sin_az_tel"] = np.sin(events.az_tel)
        forests = dict(self.forests)
        return apply_models(
            events, forests.pop("cls_gh"), forests.pop("reg_energy"), effective_focal_length=self.focal_length,
            custom_config=self.config, interpolate_rf=self.interpolated, training_pointings=self.training, **forests,
        )  # fmt: skip


class StreamingConverter(Tool):  # type: ignore[misc]  # ctapipe has no types
    """lstchain_dl1_to_dl2 in bounded memory."""

    name = "foa-dl1-to-dl2"
    dl1 = traits.Path(help="DL1 file").tag(config=True)
    models = traits.Path(help="directory of the Random Forests").tag(config=True)
    configuration = traits.Path(help="lstchain's configuration of the forests").tag(config=True)
    dl2 = traits.Path(directory_ok=False, help="DL2 file to write").tag(config=True)
    cache = traits.Path(file_ok=False, help="where forests are kept in a form that is mapped").tag(config=True)
    chunk_events = traits.Int(CHUNK_EVENTS, min=1, help="events at a time").tag(config=True)
    threads = traits.Int(0, min=0, help="chunks that are reconstructed at once; 0: one per core").tag(config=True)
    aliases = {name: f"StreamingConverter.{name}" for name in
               ("dl1", "models", "configuration", "dl2", "cache", "chunk_events", "threads")}  # fmt: skip
    n_events = 0
    """Written so far."""

    def start(self) -> None:
        """Convert the file; without an event that the filters leave, no file is written.

        Raises
        ------
        Refused
            If the configuration asks for what is not supported.
        PointingMissing
            If no event has a pointing.
        """
        config = replace_config(standard_config, read_configuration_file(self.configuration))
        refuse(config)
        self.check_output(self.dl2)
        self._name_files()
        reconstruct = self._reconstruction(config)
        # lstchain switches this on for a moment, which other threads would feel: so it is on all the time
        with pd.option_context("mode.copy_on_write", True), tables.open_file(self.dl1) as source:
            try:
                self._stream(chunks(source.get_node(dl1_params_lstcam_key), self.chunk_events), reconstruct, source)
            except PointingMissing:  # seldom; events may come in another order then, hence from the beginning
                self._stream(imputed(source.get_node(dl1_params_lstcam_key), self.chunk_events), reconstruct, source)

    def _name_files(self) -> None:
        provenance = Provenance()
        provenance.add_input_file(self.dl1, role="dl1 input file")
        provenance.add_output_file(self.dl2, role="dl2 output file")
        provenance.add_input_file(self.models, role="trained model directory")

    def _stream(self, parts: Iterator[pd.DataFrame], reconstruct: Reconstruction, source: tables.File) -> None:
        """Read and write here, since HDF5 serves one thread; reconstruct one chunk in each of the others."""
        self.dl2.unlink(missing_ok=True)
        self.n_events = 0
        n_threads = self.threads or len(os.sched_getaffinity(0))
        pending: deque[Future[pd.DataFrame]] = deque()
        with ThreadPoolExecutor(n_threads) as pool:
            # no name for a chunk here: it would stay in memory while others are waited for
            for future in map(pool.submit, repeat(reconstruct), parts):
                pending.append(future)
                if len(pending) > n_threads:
                    self._write(pending.popleft().result(), reconstruct.config, source)
            while pending:
                self._write(pending.popleft().result(), reconstruct.config, source)

    def _reconstruction(self, config: dict[str, Any]) -> Reconstruction:
        names = FORESTS[config["disp_method"]]
        turn = Lock()
        forests = {name: load(self.models / f"{name}.sav", self.cache, turn) for name in names}
        interpolated, training = interpolation(config, self.models)
        if interpolated and training is None:
            self.log.warning("no training_dirs.ecsv in %s: no interpolation in zenith", self.models)
        return Reconstruction(
            config, forests, interpolated if training else None, training, focal_length(self.dl1, config), turn
        )  # fmt: skip

    def _write(self, events: pd.DataFrame, config: dict[str, Any], source: tables.File) -> None:
        if events.empty:
            return
        if self.n_events:
            with tables.open_file(self.dl2, "a") as file:
                file.get_node(dl2_params_lstcam_key).append(events.to_records(index=False))
        else:
            self._begin(source)
            write_dataframe(events, self.dl2, dl2_params_lstcam_key, config=config, meta=global_metadata(), filters=LZ4)
        self.n_events += len(events)
        self.log.info("%d events written", self.n_events)

    def _begin(self, source: tables.File) -> None:
        """Everything but the events, as the stock tool writes it."""
        write_provenance(self.dl2, "dl1_to_dl2")
        write_metadata(global_metadata(), self.dl2)
        with tables.open_file(self.dl2, "a") as file:
            for key in get_dataset_keys(source):
                if key not in NOT_COPIED:
                    source.copy_node(key, _group(file, key.rpartition("/")[0] or "/"), overwrite=True)


def _group(file: tables.File, path: str) -> tables.Group:
    return file.get_node(path) if path in file else file.create_group(*path.rsplit("/", 1), createparents=True)


def refuse(config: dict[str, Any]) -> None:
    """Refuse what would silently be dropped.

    Raises
    ------
    Refused
        If the analysis is source-dependent, or the likelihood fit's parameters are wanted.
    """
    if config["source_dependent"]:
        raise Refused("source-dependent analysis (source_dependent) is not supported: use lstchain_dl1_to_dl2")
    if "lh_fit_config" in config:
        raise Refused("parameters of the likelihood fit (lh_fit_config) are not supported: use lstchain_dl1_to_dl2")


def interpolation(config: dict[str, Any], models: Path) -> tuple[dict[str, bool] | None, Table | None]:
    """Which predictions are interpolated in the cosine of the zenith angle, and between which pointings."""
    asked = config.get("random_forest_zd_interpolation", {})
    wanted = {
        "energy_regression": asked.get("interpolate_energy", False),
        "particle_classification": asked.get("interpolate_gammaness", False),
        "disp": asked.get("interpolate_direction", False),
    }
    pointings = models / "training_dirs.ecsv"
    if not any(wanted.values()):
        return None, None
    return wanted, Table.read(pointings) if pointings.is_file() else None


def focal_length(dl1: Path, config: dict[str, Any]) -> u.Quantity:
    """Effective focal length of the telescope; the standard one where a version's subarray cannot be read."""
    try:
        telescope = SubarrayDescription.from_hdf(dl1).tel[config.get("allowed_tels", [1])[0]]
        return telescope.optics.effective_focal_length
    except OSError:
        return OPTICS.effective_focal_length
