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
from lstchain.io import read_configuration_file, replace_config, standard_config
from lstchain.io.io import dl1_params_lstcam_key
from lstchain.reco.dl1_to_dl2 import apply_models

from foa_dl2_converter.configuration import focal_length, interpolation, refuse
from foa_dl2_converter.events import PointingMissing, chunks, imputed
from foa_dl2_converter.layout import load
from foa_dl2_converter.output import Output
from foa_dl2_converter.zenith import interpolating

CHUNK_EVENTS = 22 << 10
FORESTS = {
    "disp_vector": ("reg_energy", "cls_gh", "reg_disp_vector"),
    "disp_norm_sign": ("reg_energy", "cls_gh", "reg_disp_norm", "cls_disp_sign"),
}
"""Forests that each method of the direction needs."""


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
        forests, config = interpolating(self.forests, self.config, self.interpolated)
        return apply_models(
            events,
            forests.pop("cls_gh"),
            forests.pop("reg_energy"),
            **forests,
            effective_focal_length=self.focal_length,
            custom_config=config,
            interpolate_rf=self.interpolated,
            training_pointings=self.training,
        )


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
            table = source.get_node(dl1_params_lstcam_key)
            try:
                self._stream(chunks(table, self.chunk_events), reconstruct, source)
            except PointingMissing:  # rare; start again, since the order of events may change
                self._stream(imputed(table, self.chunk_events), reconstruct, source)

    def _record_provenance(self) -> None:
        provenance = Provenance()
        provenance.add_input_file(self.dl1, role="dl1 input file")
        provenance.add_output_file(self.dl2, role="dl2 output file")
        provenance.add_input_file(self.models, role="trained model directory")

    def _stream(
        self, parts: Iterator[pd.DataFrame], reconstruct: Reconstruction, source: tables.File
    ) -> None:
        """Read and write in this thread, as HDF5 requires; reconstruct chunks in others."""
        self.n_events = 0
        n_threads = self.threads or len(os.sched_getaffinity(0))
        with (
            Output(self.dl2, source, reconstruct.config) as output,
            ThreadPoolExecutor(n_threads) as pool,
        ):
            # a chunk has no name here, which would keep it in memory while others are waited for
            pending: deque[Future[pd.DataFrame]] = deque()
            for future in map(pool.submit, repeat(reconstruct), parts):
                pending.append(future)
                if len(pending) > n_threads:
                    self._write(pending.popleft().result(), output)
            while pending:
                self._write(pending.popleft().result(), output)

    def _write(self, events: pd.DataFrame, output: Output) -> None:
        output.append(events)
        self.n_events = output.n_events
        self.log.info("%d events written", self.n_events)

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
