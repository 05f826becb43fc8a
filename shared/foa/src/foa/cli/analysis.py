"""Analyse a foreign DL3 directory with the stage that makes results."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from foa.cli.output import make_console
from foa.cli.results import print_results
from foa.errors import FoaError
from foa.intake.request_files import read_profile
from foa.intake.targets import read_target
from foa.pipeline import JobService, job_services
from foa.runtime import runtime_of
from foa.site import Site
from foa_stage.manifests import AnalysisReady, Profile, Target, canonical_json, digest
from foa_stage.tree import RunTree, Work, write_atomic


def analyze(site: Site, store: Path, target: str, profile: str, *, as_json: bool) -> None:
    """Analyse all observations of a directory.

    Raises
    ------
    FoaError
        If the analysis fails.
    """
    service = _maker_of_results()
    content = _request(store.resolve(), read_target(target), read_profile(profile, Path()))
    work = RunTree(site.tree).work(service.name, digest(content))
    write_atomic(work.request, canonical_json(content))
    work.forget()
    command = runtime_of(site, service).command(
        work.request, work.directory, reads=[store.resolve()]
    )
    _check(work, subprocess.run(command, capture_output=True, text=True, check=False))
    if as_json:
        sys.stdout.write((work.products / "results.json").read_text())
    else:
        print_results(make_console(), work.products)


def _maker_of_results() -> JobService:
    for service in job_services():
        if AnalysisReady in service.announces:
            return service
    raise FoaError("no installed service makes results")


def _request(store: Path, target: Target, profile: Profile) -> dict[str, Any]:
    return {
        "title": store.name,
        "phase": "final",
        "target": target.model_dump(mode="json"),
        "profile": f"{profile.name} {profile.version}",
        "analysis": profile.analysis.model_dump(mode="json"),
        "store": str(store),
    }


def _check(work: Work, ended: subprocess.CompletedProcess[str]) -> None:
    report = work.last_report()
    if report is None:
        raise FoaError(f"the analysis broke down:\n{ended.stderr[-2000:]}")
    if report.outcome == "failed":
        raise FoaError(report.reason)
