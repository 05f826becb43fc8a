"""DL1 → DL2 in chunks: lstchain's functions do the physics, only reading, chunking and writing are ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
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
    write_dl2_dataframe,
    write_metadata,
)
from lstchain.io.io import (
    dl1_images_lstcam_key,
    dl1_likelihood_params_lstcam_key,
    dl1_params_lstcam_key,
    dl1_params_src_dep_lstcam_key,
    dl2_params_lstcam_key,
)
from lstchain.io.provenance import write_provenance
from lstchain.reco.dl1_to_dl2 import apply_models
from lstchain.reco.utils import add_delta_t_key, filter_events, impute_pointing

from foa_dl2_converter.forest import cores, load

CHUNK_EVENTS = 1 << 16
POINTING = ["alt_tel", "az_tel"]
FORESTS = {
    "disp_vector": ("reg_energy", "cls_gh", "reg_disp_vector"),
    "disp_norm_sign": ("reg_energy", "cls_gh", "reg_disp_norm", "cls_disp_sign"),
}
"""What each method of the direction needs."""
FEATURES = tuple(f"{use}_features" for use in (
    "energy_regression", "disp_regression", "particle_classification", "disp_classification",
))  # fmt: skip
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

    def __call__(self, events: pd.DataFrame) -> pd.DataFrame:
        """Reconstruct those events of a chunk that the filters leave."""
        events.az_tel = Angle(events.az_tel, u.rad).wrap_at(360 * u.deg).rad
        if "sin_az_tel" not in events.columns:
            events["sin_az_tel"] = np.sin(events.az_tel)
        features = [name for use in FEATURES for name in self.config[use]]
        left = filter_events(events, filters=self.config["events_filters"], finite_params=features)
        forests = dict(self.forests)
        return left if left.empty else apply_models(
            left, forests.pop("cls_gh"), forests.pop("reg_energy"), effective_focal_length=self.focal_length,
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
    threads = traits.Int(0, min=0, help="threads that evaluate the forests; 0: one per core").tag(config=True)
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
        """
        config = replace_config(standard_config, read_configuration_file(self.configuration))
        refuse(config)
        self.check_output(self.dl2)
        self.dl2.unlink(missing_ok=True)
        reconstruct = self._reconstruction(config)
        with tables.open_file(self.dl1) as source:
            for events in chunks(source.get_node(dl1_params_lstcam_key), self.chunk_events):
                self._write(reconstruct(events), config, source)

    def _reconstruction(self, config: dict[str, Any]) -> Reconstruction:
        names = FORESTS[config["disp_method"]]
        forests = {name: load(self.models / f"{name}.sav", self.cache, self.threads or cores()) for name in names}
        interpolated, training = interpolation(config, self.models)
        if interpolated and training is None:
            self.log.warning("no training_dirs.ecsv in %s: no interpolation in zenith", self.models)
        return Reconstruction(
            config, forests, interpolated if training else None, training, focal_length(self.dl1, config)
        )  # fmt: skip

    def _write(self, events: pd.DataFrame, config: dict[str, Any], source: tables.File) -> None:
        if events.empty:
            return
        if self.n_events:
            with tables.open_file(self.dl2, "a") as file:
                file.get_node(dl2_params_lstcam_key).append(events.to_records(index=False))
        else:
            self._begin(source)
            write_dl2_dataframe(events, self.dl2, config=config, meta=global_metadata())
        self.n_events += len(events)

    def _begin(self, source: tables.File) -> None:
        """Everything but the events, as the stock tool writes it."""
        provenance = Provenance()
        provenance.add_input_file(self.dl1, role="dl1 input file")
        provenance.add_output_file(self.dl2, role="dl2 output file")
        provenance.add_input_file(self.models, role="trained model directory")
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


def chunks(table: tables.Table, size: int) -> Iterator[pd.DataFrame]:
    """The events of a file with time differences and pointings, as whole-file steps of the stock tool leave them."""
    imputed = impute(table, size)
    for start in range(0, table.nrows, size):
        stop = min(start + size, table.nrows)
        if imputed is None:
            # the event before gives the first time difference
            before = max(start - 1, 0)
            events = add_delta_t_key(pd.DataFrame.from_records(table.read(before, stop)))
            yield events.iloc[start - before :].copy()
        else:
            part = imputed.iloc[start:stop]
            events = pd.DataFrame.from_records(table.read_coordinates(part.index.to_numpy()))
            yield events.assign(**{name: part[name].to_numpy() for name in part.columns})


def impute(table: tables.Table, size: int) -> pd.DataFrame | None:
    """Where some events have no pointing: all pointings, interpolated, and time differences, in lstchain's order.

    Else None: this is the exception, since it needs some columns of every event in memory. The index says which row of
    the file an event is.
    """
    if not set(POINTING) <= set(table.colnames) or not any(
        np.isnan(table.read(start, start + size, field=name)).any()
        for start in range(0, table.nrows, size) for name in POINTING
    ):  # fmt: skip
        return None
    names = ["event_id", *POINTING, *(name for name in ("dragon_time",) if name in table.colnames)]
    return impute_pointing(add_delta_t_key(pd.DataFrame({name: table.col(name) for name in names})))
