"""The dl2-converter's stage: DL1 → DL2 of one run, with its inputs checked first."""

from pathlib import Path

import tables
from ctapipe.core import run_tool
from lstchain.io.io import dl1_params_lstcam_key, dl2_params_lstcam_key
from lstchain.reco.utils import get_effective_time
from lstchain.tools.lstchain_dl1_to_dl2 import dl2_filename

from foa_dl2_converter.configuration import Refused
from foa_dl2_converter.converter import StreamingConverter
from foa_dl2_converter.events import POINTING, PointingMissing
from foa_dl2_converter.plan import Dl2Facts, Dl2Request
from foa_stage.runner import BadInput, NothingLeft, Stage, StageFailure, StageResult
from foa_stage.tree import Work, product_of

COLUMNS = ("event_type", "dragon_time", "delta_t")
"""Columns of DL2 that the effective time needs."""


def convert(request: Dl2Request, work: Work) -> StageResult:
    """Convert the DL1 file of one run.

    Raises
    ------
    BadInput
        If the DL1 file or a model is missing, damaged, or lacks pointings or a column.
    NothingLeft
        If no event passes the event filters.
    StageFailure
        If the models' configuration asks for something that is not supported.
    """
    dl1 = request.dl1.path
    _check(dl1)
    dl2 = work.products / dl2_filename(dl1.name)
    n_events = _stream(request, work, dl2)
    if not n_events:
        config = request.models.config.path
        raise NothingLeft(f"{dl1}: no event is left after the event filters of {config}")
    return StageResult([product_of("dl2", dl2, n_events)], _facts(dl2).model_dump())


def _check(dl1: Path) -> None:
    """Refuse a file without pointings, which lstchain would convert with an altitude of −90°."""
    try:
        with tables.open_file(dl1) as file:
            columns = file.get_node(dl1_params_lstcam_key).colnames
    except (OSError, LookupError, tables.HDF5ExtError) as error:
        raise BadInput(f"{dl1}: not a readable DL1 file: {error}") from error
    if missing := ", ".join(sorted(set(POINTING) - set(columns))):
        raise BadInput(f"{dl1}: not a DL1 file with pointing: no column {missing}")


def _stream(request: Dl2Request, work: Work, dl2: Path) -> int:
    """Convert, and return the number of events."""
    dl1, config = request.dl1.path, request.models.config.path
    converter = StreamingConverter()
    arguments = _arguments(request, work, dl2)
    try:
        run_tool(converter, argv=arguments, cwd=work.products, raises=True)
    except Refused as error:
        raise StageFailure(f"{config}: {error}") from error
    except FileNotFoundError as error:
        raise BadInput(f"{error.filename} is missing") from error
    except tables.HDF5ExtError as error:
        raise BadInput(f"{dl1}: a damaged DL1 file: {error}") from error
    except PointingMissing as error:
        raise BadInput(f"{dl1}: {error}") from error
    except KeyError as error:
        raise BadInput(f"{dl1}: a column the models need is missing: {error}") from error
    return converter.n_events


def _arguments(request: Dl2Request, work: Work, dl2: Path) -> list[str]:
    """Return the converter's command line, with a thread for each core of the job."""
    models, resources = request.models, work.resources()
    options = {
        "dl1": request.dl1.path,
        "dl2": dl2,
        "models": models.directory,
        "configuration": models.config.path,
        "cache": work.cache("forests"),
        "threads": resources.cores if resources else 0,
        "log-level": "INFO",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [*words, "--overwrite"]


def _facts(dl2: Path) -> Dl2Facts:
    with tables.open_file(dl2) as file:
        table = file.get_node(dl2_params_lstcam_key)
        events = {name: table.col(name) for name in COLUMNS}
    effective, elapsed = get_effective_time(events)
    effective_s, elapsed_s = float(effective.to_value("s")), float(elapsed.to_value("s"))
    return Dl2Facts(effective_s=effective_s, elapsed_s=elapsed_s)


STAGE = Stage(
    request=Dl2Request,
    make=convert,
    distributions=("lstchain", "ctapipe", "scikit-learn", "numpy"),
)
