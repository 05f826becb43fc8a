"""Analyse a foreign DL3 directory with the stage that makes results."""

import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import Any

from foa.cli.output import make_console, print_line
from foa.cli.results import print_results
from foa.errors import FoaError, WorkFailed
from foa.intake.request_files import read_profile
from foa.intake.targets import read_target
from foa.pipeline import JobService, job_services
from foa.runtime import runtime_of
from foa.service.assembly import make_writable
from foa.site import Site
from foa_stage.manifests import AnalysisReady, canonical_json, digest
from foa_stage.tree import RunTree, Work, write_atomic

LOG_CHARACTERS = 2000
"""Of what a stage wrote before it broke down."""


def describe(store: Path, target: str, profile: str) -> dict[str, Any]:
    """Return the request to the stage.

    Raises
    ------
    FoaError
        If directory, target or profile is none.
    """
    if not store.is_dir():
        raise FoaError(f"{store}: no such directory")
    settings = read_profile(profile, Path())
    return {
        "title": store.resolve().name,
        "phase": "final",
        "target": read_target(target).model_dump(mode="json"),
        "profile": f"{settings.name} {settings.version}",
        "analysis": settings.analysis.model_dump(mode="json"),
        "store": str(store.resolve()),
    }


def analyze(site: Site, request: dict[str, Any], output: Path | None, *, as_json: bool) -> None:
    """Analyse all observations of a directory; results are copied to `output` if it is given.

    Raises
    ------
    FoaError
        If the analysis fails, `output` holds anything, or the run tree cannot be written.
    """
    _check_empty(output)
    make_writable(site)
    service = _maker_of_results()
    work = RunTree(site.tree).work(service.name, digest(request))
    write_atomic(work.request, canonical_json(request))
    work.forget()
    reads = [Path(request["store"])]
    _run(runtime_of(site, service).command(work.request, work.directory, reads), work)
    made = _copy(work.products, output)
    if as_json:
        sys.stdout.write((made / "results.json").read_text())
    else:
        print_results(make_console(), made)


def _check_empty(output: Path | None) -> None:
    if output and output.exists() and any(output.iterdir()):
        raise FoaError(f"{output} is not empty: name a new directory")


def _maker_of_results() -> JobService:
    for service in job_services():
        if AnalysisReady in service.announces:
            return service
    raise FoaError("no installed service makes results")


def _run(command: tuple[str, ...], work: Work) -> None:
    """Run a stage, and show on stderr what it says of its progress.

    Raises
    ------
    WorkFailed
        If it fails.
    """
    console = make_console(stderr=True)
    with TemporaryFile("w+", errors="replace") as log:
        with subprocess.Popen(command, stdout=PIPE, stderr=log, text=True) as stage:
            for line in stage.stdout or ():
                print_line(console, line.rstrip("\n"), style="dim")
        log.seek(0)
        _check(work, log.read())


def _check(work: Work, log: str) -> None:
    report = work.last_report()
    if report is None:
        raise WorkFailed(f"the analysis broke down: {log[-LOG_CHARACTERS:]}")
    if report.outcome == "failed":
        raise WorkFailed(report.reason)


def _copy(products: Path, output: Path | None) -> Path:
    """Return the directory of the results: a copy if one is wanted."""
    if output is None:
        return products
    return Path(shutil.copytree(products, output, symlinks=True, dirs_exist_ok=True))
