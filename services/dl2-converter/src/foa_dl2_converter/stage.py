"""The dl2-converter's stage: lstchain's own DL1 → DL2, with inputs checked before and the output after."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import tables
from ctapipe.core import run_tool
from foa.stage import BadInput, NothingLeft, Outcome, run_stage
from foa.tree import product_of
from lstchain.io.io import dl1_params_lstcam_key, dl2_params_lstcam_key
from lstchain.reco.utils import get_effective_time
from lstchain.tools.lstchain_dl1_to_dl2 import DL1ToDL2Tool, dl2_filename

from foa_dl2_converter.plan import Dl2Facts, Dl2Request

COLUMNS = ("event_type", "dragon_time", "delta_t")
"""Of DL2, what the effective time needs."""


def main(request: Path) -> int:
    """Do one piece of work."""
    return run_stage(request, Dl2Request, convert, ("lstchain", "ctapipe", "scikit-learn", "numpy"))


def convert(work: Dl2Request, products: Path) -> Outcome:
    """DL1 → DL2 of one run."""
    dl1 = work.dl1.path
    _check_pointing(dl1)
    dl2 = products / dl2_filename(dl1.name)
    models = work.models
    arguments = ["-f", dl1, "-p", models.directory, "-o", products, "-c", models.config.path, "--overwrite"]
    try:
        # in one thread, as the job has one core: threads would add trees up in the order they end, each time another
        with joblib.parallel_config(backend="sequential"):
            run_tool(DL1ToDL2Tool(), argv=[str(argument) for argument in arguments], cwd=products)
    except KeyError as error:
        raise BadInput(f"{dl1}: a column the models need is missing: {error}") from error
    try:
        events = pd.read_hdf(dl2, key=dl2_params_lstcam_key)[list(COLUMNS)]
    except (FileNotFoundError, KeyError) as error:  # the tool only warns
        reason = f"{dl1}: no event is left after the event filters of {work.models.config.path}"
        raise NothingLeft(reason) from error
    effective, elapsed = get_effective_time(events)
    facts = Dl2Facts(effective_s=float(effective.to_value("s")), elapsed_s=float(elapsed.to_value("s")))
    return Outcome([product_of("dl2", dl2, len(events))], facts.model_dump())


def _check_pointing(dl1: Path) -> None:
    """lstchain would go on with an altitude of −90°."""
    try:
        with tables.open_file(dl1) as file:
            altitude = file.get_node(f"/{dl1_params_lstcam_key}").col("alt_tel")
    except (OSError, LookupError, tables.HDF5ExtError) as error:
        raise BadInput(f"{dl1}: not a readable DL1 file with pointing: {error}") from error
    if not np.isfinite(altitude).any():
        raise BadInput(f"{dl1}: no event has a valid pointing (alt_tel)")
