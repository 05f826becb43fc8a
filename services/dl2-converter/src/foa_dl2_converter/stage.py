"""The dl2-converter's stage: DL1 → DL2 of one run, with inputs checked before and the output after."""

from pathlib import Path

import tables
from ctapipe.core import run_tool
from foa.stage import BadInput, NothingLeft, Outcome, StageFailure, resources_of, run_stage
from foa.tree import Work, product_of
from lstchain.io.io import dl1_params_lstcam_key, dl2_params_lstcam_key
from lstchain.reco.utils import get_effective_time
from lstchain.tools.lstchain_dl1_to_dl2 import dl2_filename

from foa_dl2_converter.converter import Refused, StreamingConverter
from foa_dl2_converter.events import POINTING, PointingMissing
from foa_dl2_converter.plan import NAME, Dl2Facts, Dl2Request

COLUMNS = ("event_type", "dragon_time", "delta_t")
"""Of DL2, what the effective time needs."""


def main(request: Path) -> int:
    """Do one piece of work."""
    return run_stage(request, Dl2Request, convert, ("lstchain", "ctapipe", "scikit-learn", "numpy"))


def convert(work: Dl2Request, products: Path) -> Outcome:
    """DL1 → DL2 of one run."""
    dl1 = work.dl1.path
    _check(dl1)
    dl2 = products / dl2_filename(dl1.name)
    n_events = _stream(work, dl2)
    if not n_events:
        raise NothingLeft(f"{dl1}: no event is left after the event filters of {work.models.config.path}")
    return Outcome([product_of("dl2", dl2, n_events)], _facts(dl2).model_dump())


def _stream(work: Dl2Request, dl2: Path) -> int:
    """Convert; how many events there are."""
    dl1, models, products = work.dl1.path, work.models, dl2.parent
    asked = resources_of(Work(NAME, products.parent.name, products.parent))
    converter = StreamingConverter()
    arguments = [
        "--dl1", dl1, "--dl2", dl2, "--models", models.directory, "--configuration", models.config.path,
        "--cache", products.parents[3] / "cache/forests", "--threads", asked.cores if asked else 0, "--overwrite",
        "--log-level", "INFO",
    ]  # fmt: skip
    try:
        run_tool(converter, argv=[str(argument) for argument in arguments], cwd=products, raises=True)
    except Refused as error:
        raise StageFailure(f"{models.config.path}: {error}") from error
    except FileNotFoundError as error:
        raise BadInput(f"{error.filename} is missing") from error
    except tables.HDF5ExtError as error:
        raise BadInput(f"{dl1}: a damaged DL1 file: {error}") from error
    except PointingMissing as error:
        raise BadInput(f"{dl1}: {error}") from error
    except KeyError as error:
        raise BadInput(f"{dl1}: a column the models need is missing: {error}") from error
    return converter.n_events


def _facts(dl2: Path) -> Dl2Facts:
    with tables.open_file(dl2) as file:
        table = file.get_node(dl2_params_lstcam_key)
        events = {name: table.col(name) for name in COLUMNS}
    effective, elapsed = get_effective_time(events)
    return Dl2Facts(effective_s=float(effective.to_value("s")), elapsed_s=float(elapsed.to_value("s")))


def _check(dl1: Path) -> None:
    """lstchain would go on without pointing, with an altitude of −90°."""
    try:
        with tables.open_file(dl1) as file:
            columns = file.get_node(dl1_params_lstcam_key).colnames
    except (OSError, LookupError, tables.HDF5ExtError) as error:
        raise BadInput(f"{dl1}: not a readable DL1 file: {error}") from error
    if missing := set(POINTING) - set(columns):
        raise BadInput(f"{dl1}: not a DL1 file with pointing: no column {', '.join(sorted(missing))}")
