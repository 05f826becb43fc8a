"""What every stage does around its physics: read the request, write the report, end with the right code."""

import errno
import importlib.metadata
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
from pydantic import ValidationError

from foa.jobs.model import ExitCode, Resources
from foa.manifests import Frozen, Product
from foa.tree import Report, Work

R = TypeVar("R", bound=Frozen)


class StageFailure(Exception):
    """The stage cannot do what it is asked, and another try would end the same."""

    exit_code = ExitCode.BAD_REQUEST


class BadInput(StageFailure):
    """An input is missing or corrupt."""

    exit_code = ExitCode.BAD_INPUT


class NothingLeft(StageFailure):
    """Nothing is left after cuts."""

    exit_code = ExitCode.NOTHING_LEFT


@dataclass(frozen=True)
class Outcome:
    """What a stage made."""

    products: list[Product]
    facts: dict[str, Any] = field(default_factory=dict)


def run_stage(
    request_path: Path, model: type[R], work: Callable[[R, Path], Outcome], distributions: tuple[str, ...]
) -> int:
    """Do the work of a request in its directory and report; returns the exit code.

    Parameters
    ----------
    request_path
        `request.json`; products go to `products` beside it, the report is written beside it too.
    work
        Called with the request and the directory of the products.
    distributions
        Whose versions the report states.
    """
    directory = request_path.resolve().parent
    place = Work(directory.parent.name, directory.name, directory)
    try:
        request = model.model_validate_json(request_path.read_bytes())
        place.products.mkdir(parents=True, exist_ok=True)
        outcome = work(request, place.products)
        report = Report(outcome="done", exit_code=0, products=tuple(outcome.products), facts=outcome.facts)
    except (StageFailure, ValidationError) as error:
        code = getattr(error, "exit_code", ExitCode.BAD_REQUEST)
        sys.stderr.write(f"{error}\n")
        report = Report(outcome="failed", exit_code=code, reason=str(error))
    except OSError as error:
        traceback.print_exc()
        if error.errno == errno.ENOSPC:
            sys.stderr.write(f"no space left on the disk of {place.directory}: free some, then `foa retry`\n")
        return 1
    measured = _measurements(distributions) | {"asked": resources_of(place)}
    place.write_report(report.model_copy(update=measured))
    return report.exit_code


def resources_of(place: Work) -> Resources | None:
    """What the job that does this work may use; None if it was not submitted as a job."""
    attempts = place.attempts()
    return attempts[-1].resources() if attempts else None


def _measurements(distributions: tuple[str, ...]) -> dict[str, Any]:
    """Of this process since its very beginning: importing the science takes its time, too."""
    started = psutil.Process().create_time()
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "started": started, "wall_s": round(time.time() - started, 2), "peak_memory_mib": max(usage) // 1024,
        "versions": _image() | {name: importlib.metadata.version(name) for name in ("lst-foa-shared", *distributions)},
    }  # fmt: skip


def _image() -> dict[str, str]:
    """The digest of the image this runs in, if it does."""
    return {"image": os.environ["FOA_IMAGE"]} if "FOA_IMAGE" in os.environ else {}
