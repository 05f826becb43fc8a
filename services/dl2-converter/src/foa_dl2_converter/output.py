"""The DL2 file: everything but the events as the stock tool writes it, then chunks of events."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
import tables
from lstchain.io import get_dataset_keys, global_metadata, write_metadata
from lstchain.io.io import (
    dl1_images_lstcam_key,
    dl1_likelihood_params_lstcam_key,
    dl1_params_lstcam_key,
    dl1_params_src_dep_lstcam_key,
    dl2_params_lstcam_key,
    write_dataframe,
)
from lstchain.io.provenance import write_provenance

LZ4 = tables.Filters(complevel=1, complib="blosc:lz4", fletcher32=True)
"""Compression of the events.

The stock tool's blosc:zstd makes files 19 % smaller, but takes longer than the Random Forests
(ADR 0007).
"""
NOT_COPIED = (
    dl1_images_lstcam_key,
    dl1_params_lstcam_key,
    dl1_params_src_dep_lstcam_key,
    dl1_likelihood_params_lstcam_key,
)


@dataclass
class Output:
    """A DL2 file that is made when its first events come, and open until the last ones have."""

    path: Path
    source: tables.File
    """The DL1 file."""
    config: dict[str, Any]
    n_events: int = 0
    """Events written so far."""
    _file: tables.File | None = None

    def __enter__(self) -> Self:
        """Remove what another attempt has left."""
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def append(self, events: pd.DataFrame) -> None:
        """Write events that follow the ones before."""
        if events.empty:
            return
        if self._file:
            self._file.get_node(dl2_params_lstcam_key).append(events.to_records(index=False))
        else:
            self._begin(events)
            self._file = tables.open_file(self.path, "a")
        self.n_events += len(events)

    def _begin(self, events: pd.DataFrame) -> None:
        """Write the first events, and everything but events."""
        meta = global_metadata()
        write_provenance(self.path, "dl1_to_dl2")
        write_metadata(meta, self.path)
        with tables.open_file(self.path, "a") as file:
            for key in get_dataset_keys(self.source):
                if key not in NOT_COPIED:
                    parent = _group(file, key.rpartition("/")[0] or "/")
                    self.source.copy_node(key, parent, overwrite=True)
        key, config = dl2_params_lstcam_key, self.config
        write_dataframe(events, self.path, key, config=config, meta=meta, filters=LZ4)


def _group(file: tables.File, path: str) -> tables.Group:
    if path in file:
        return file.get_node(path)
    return file.create_group(*path.rsplit("/", 1), createparents=True)
