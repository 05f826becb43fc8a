"""DL1 → DL2 in chunks; lstchain's functions do the physics, this reads, divides and writes."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from threading import Lock
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import tables
from astropy.coordinates import Angle
from astropy.table import Table
from ctapipe.core import Provenance, Tool, traits
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

from foa_dl2_converter.configuration import focal_length, interpolation, refuse
from foa_dl2_converter.events import PointingMissing, chunks, imputed
from foa_dl2_converter.layout import load

CHUNK_EVENTS = 22 << 10
LZ4 = tables.Filters(complevel=1, complib="blosc:lz4", fletcher32=True)
"""Compression of the events.

The stock tool's blosc:zstd makes files 19 % smaller, but takes longer than the Random Forests
(ADR 0007).
"""
FORESTS = {
    "disp_vector": ("reg_energy", "cls_gh", "reg_disp_vector"),
    "disp_norm_sign": ("reg_energy", "cls_gh", "reg_disp_norm", "cls_disp_sign"),
}
"""Forests that each method of the direction needs."""
NOT_COPIED = (
    dl1_images_lstcam_key,
    dl1_params_lstcam_key,
    dl1_params_src_dep_lstcam_key,
    dl1_likelihood_params_lstcam_key,
)


@dataclass(frozen=True)
class Reconstruction:
    """All that turns events into reconstructed ones."""

    config: dict[str, Any]
    forests: dict[str, Any]
    interpolated: dict[str, bool] | None
    training: Table | None
    """Pointings of the training MC."""
    focal_length: u.Quantity
    lock: "Lock"
    """Held in lstchain's functions, which are not thread-safe; forests release it meanwhile."""

    def __call__(self, events: pd.DataFrame) -> pd.DataFrame:
        """Reconstruct those events of a chunk that pass lstchain's event filters."""
        with self.lock:
            return self._reconstruct(events)

    def _reconstruct(self, events: pd.DataFrame) -> pd.DataFrame:
        events.az_tel = Angle(events.az_tel, u.rad).wrap_at(360 * u.deg).rad
        if "sin_az_tel" not in events.columns:
            events["sin_az_tel"] = np.sin(events.az_tel)
        forests = dict(self.forests)
        classifier, energy = forests.pop("cls_gh"), forests.pop("reg_energy")
        return apply_models(events, classifier, energy, **forests, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "effective_focal_length": self.focal_length,
            "custom_config": self.config,
            "interpolate_rf": self.interpolated,
            "training_pointings": self.training,
        }


class StreamingConverter(Tool):  # type: ignore[misc]  # ctapipe has no types
    """lstchain_dl1_to_dl2 in bounded memory."""

    name = "foa-dl1-to-dl2"
    dl1 = traits.Path(help="DL1 file").tag(config=True)
    models = traits.Path(help="directory of the Random Forests").tag(config=True)
    configuration = traits.Path(help="lstchain's configuration of the forests").tag(config=True)
    dl2 = traits.Path(directory_ok=False, help="DL2 file to write").tag(config=True)
    cache = traits.Path(file_ok=False, help="directory of forests laid out flat").tag(config=True)
    chunk_events = traits.Int(CHUNK_EVENTS, min=1, help="events per chunk").tag(config=True)
    threads = traits.Int(
        0, min=0, help="chunks that are reconstructed at once; 0: one per core"
    ).tag(config=True)
    aliases = {
        name: f"StreamingConverter.{name}"
        for name in ("dl1", "models", "configuration", "dl2", "cache", "chunk_events", "threads")
    }
    n_events = 0
    """Events written so far."""

    def start(self) -> None:
        """Convert the file; if the filters leave no event, write no file.

        Raises
        ------
        Refused
            If the configuration asks for something that is not supported.
        PointingMissing
            If no event has a pointing.
        """
        config = replace_config(standard_config, read_configuration_file(self.configuration))
        refuse(config)
        self.check_output(self.dl2)
        self._record_provenance()
        reconstruct = self._reconstruction(config)
        # lstchain sets this option for a moment, which would affect other threads: set it for all
        copy_on_write = pd.option_context("mode.copy_on_write", True)
        with copy_on_write, tables.open_file(self.dl1) as source:
            events = source.get_node(dl1_params_lstcam_key)
            try:
                self._stream(chunks(events, self.chunk_events), reconstruct, source)
            except PointingMissing:  # rare; start again, since the order of events may change
                self._stream(imputed(events, self.chunk_events), reconstruct, source)

    def _record_provenance(self) -> None:
        provenance = Provenance()
        provenance.add_input_file(self.dl1, role="dl1 input file")
        provenance.add_output_file(self.dl2, role="dl2 output file")
        provenance.add_input_file(self.models, role="trained model directory")

    def _stream(
        self, parts: Iterator[pd.DataFrame], reconstruct: Reconstruction, source: tables.File
    ) -> None:
        """Read and write in this thread, as HDF5 requires; reconstruct chunks in others."""
        self.dl2.unlink(missing_ok=True)
        self.n_events = 0
        n_threads = self.threads or len(os.sched_getaffinity(0))
        pending: deque[Future[pd.DataFrame]] = deque()
        with ThreadPoolExecutor(n_threads) as pool:
            # a chunk has no name here, which would keep it in memory while others are waited for
            for future in map(pool.submit, repeat(reconstruct), parts):
                pending.append(future)
                if len(pending) > n_threads:
                    self._write(pending.popleft().result(), reconstruct.config, source)
            while pending:
                self._write(pending.popleft().result(), reconstruct.config, source)

    def _reconstruction(self, config: dict[str, Any]) -> Reconstruction:
        names = FORESTS[config["disp_method"]]
        lock = Lock()
        forests = {name: load(self.models / f"{name}.sav", self.cache, lock) for name in names}
        interpolated, training = interpolation(config, self.models)
        if interpolated and training is None:
            self.log.warning("no training_dirs.ecsv in %s: no interpolation in zenith", self.models)
        interpolated = interpolated if training else None
        length = focal_length(self.dl1, config)
        return Reconstruction(config, forests, interpolated, training, length, lock)

    def _write(self, events: pd.DataFrame, config: dict[str, Any], source: tables.File) -> None:
        if events.empty:
            return
        if self.n_events:
            with tables.open_file(self.dl2, "a") as file:
                file.get_node(dl2_params_lstcam_key).append(events.to_records(index=False))
        else:
            self._begin(source)
            meta, key = global_metadata(), dl2_params_lstcam_key
            write_dataframe(events, self.dl2, key, config=config, meta=meta, filters=LZ4)
        self.n_events += len(events)
        self.log.info("%d events written", self.n_events)

    def _begin(self, source: tables.File) -> None:
        """Write everything but the events, as the stock tool does."""
        write_provenance(self.dl2, "dl1_to_dl2")
        write_metadata(global_metadata(), self.dl2)
        with tables.open_file(self.dl2, "a") as file:
            for key in get_dataset_keys(source):
                if key not in NOT_COPIED:
                    parent = _group(file, key.rpartition("/")[0] or "/")
                    source.copy_node(key, parent, overwrite=True)


def _group(file: tables.File, path: str) -> tables.Group:
    if path in file:
        return file.get_node(path)
    return file.create_group(*path.rsplit("/", 1), createparents=True)
