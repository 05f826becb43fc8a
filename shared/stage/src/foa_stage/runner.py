"""Run one piece of work of a stage: read the request, do the physics, report, end with a code."""

import errno
import gc
import importlib
import importlib.metadata
import logging
import os
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import psutil
from pydantic import ValidationError

from foa_stage.jobs import ExitCode
from foa_stage.manifests import Frozen, Product
from foa_stage.tree import Report, Work

R = TypeVar("R", bound=Frozen)


class StageFailure(Exception):
    """The stage cannot do what it is asked, and another attempt would end the same."""

    exit_code = ExitCode.BAD_REQUEST


class BadInput(StageFailure):
    """An input is missing or corrupt."""

    exit_code = ExitCode.BAD_INPUT


class NothingLeft(StageFailure):
    """Nothing is left after cuts."""

    exit_code = ExitCode.NOTHING_LEFT


@dataclass(frozen=True)
class StageResult:
    """Products of a stage, and facts that the next stages need besides."""

    products: list[Product]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage(Generic[R]):
    """A stage: every service that submits jobs has one, as `STAGE` in its module `stage`."""

    request: type[R]
    """Model of its requests."""
    make: Callable[[R, Work], StageResult]
    """Do the work of a request; products go to `work.products`."""
    distributions: tuple[str, ...]
    """Python distributions whose versions the report states."""


def main() -> None:
    """Do the work of a request: `foa-stage MODULE REQUEST`, what a job executes."""
    if len(sys.argv) != 3:
        sys.exit("usage: foa-stage MODULE REQUEST")
    module, request = sys.argv[1], Path(sys.argv[2])
    if not request.is_file():
        sys.stderr.write(f"{request}: no such file\n")
        raise SystemExit(ExitCode.BAD_REQUEST)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    code = run_stage(_load(module), request)
    gc.freeze()  # all is written; looking for garbage at the end would take half a second
    raise SystemExit(code)


def _load(module: str) -> Stage[Any]:
    """Import a stage.

    What is imported stays: looking for garbage in it takes a second. BLAS and OpenMP start no
    threads unless a variable says so: they would take every core of the host, whatever the job may
    use, and a process with threads cannot be forked safely.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    gc.disable()
    stage: Stage[Any] = importlib.import_module(module).STAGE
    gc.freeze()
    gc.enable()
    return stage


def run_stage(stage: Stage[R], request_path: Path) -> int:
    """Do the work of `request.json`, write the report beside it, return the exit code."""
    _stay_offline()
    work = Work.at(request_path.resolve().parent)
    try:
        request = stage.request.model_validate_json(request_path.read_bytes())
        _make_empty(work.products)
        made = stage.make(request, work)
        report = Report(
            outcome="done", exit_code=0, products=tuple(made.products), facts=made.facts
        )
    except (StageFailure, ValidationError) as error:
        report = _failed(error)
    except OSError as error:
        return _break_off(error, work)
    measured = _measure_process(stage.distributions) | {"resources": work.resources()}
    work.write_report(report.model_copy(update=measured))
    return report.exit_code


def _stay_offline() -> None:
    """Let astropy take the Earth's rotation from the tables that are installed with it.

    Hosts of a cluster reach no network, and every trial of a download is waited for. Times that the
    tables do not cover fail nothing: predictions count however old they are, then the last value.
    UT1 − UTC changes by about 1 ms a day, so directions computed with tables that are a month old
    are off by about 0.5″, and by 6″ after a year; the telescope resolves 0.1°.
    """
    if "astropy" in sys.modules:
        from astropy.utils import iers

        iers.conf.auto_download, iers.conf.auto_max_age = False, None
        iers.conf.iers_degraded_accuracy = "warn"


def _make_empty(directory: Path) -> None:
    """Make a directory for products; files of an earlier attempt may be kept as results."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)


def _failed(error: StageFailure | ValidationError) -> Report:
    sys.stderr.write(f"{error}\n")
    code = getattr(error, "exit_code", ExitCode.BAD_REQUEST)
    return Report(outcome="failed", exit_code=code, reason=str(error))


def _break_off(error: OSError, work: Work) -> int:
    """End without a report: another attempt may find the disk or the file system in order."""
    traceback.print_exception(error)
    if error.errno == errno.ENOSPC:
        sys.stderr.write(
            f"no space left on the disk of {work.directory}: free some, then `foa retry`\n"
        )
    return 1


def _measure_process(distributions: tuple[str, ...]) -> dict[str, Any]:
    """Measure this process from its start; the memory is that of the largest process."""
    started = psutil.Process().create_time()
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak_kib = max(resource.getrusage(who).ru_maxrss for who in whose)
    return {
        "started": started,
        "wall_s": round(time.time() - started, 2),
        "peak_memory_mib": peak_kib // 1024,
        "versions": _image() | versions_of("foa-stage", *distributions),
    }


def versions_of(*distributions: str) -> dict[str, str]:
    """Return the installed version of each distribution."""
    return {name: importlib.metadata.version(name) for name in distributions}


def _image() -> dict[str, str]:
    """Return the digest of the image this runs in, if it does."""
    return {"image": os.environ["FOA_IMAGE"]} if "FOA_IMAGE" in os.environ else {}
