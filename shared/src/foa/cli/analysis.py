"""Analysing a foreign DL3 directory with the analyzer's stage."""

import subprocess
import sys
from pathlib import Path

from foa.cli import summary
from foa.cli.asking import read_profile
from foa.cli.output import make_console
from foa.errors import FoaError
from foa.installation import installation_of
from foa.manifests import Target, canonical_json, digest
from foa.site import Site
from foa.targets import find_target
from foa.tree import RunTree, write_atomic

STAGE = "analyzer"


def analyze(site: Site, store: Path, target: str, profile: str, *, as_json: bool) -> int:
    """Analyse all observations of a directory; returns the exit code of the stage."""
    chosen = read_profile(profile, Path())
    position = _parse_target(target)
    content = {
        "title": f"{store.resolve().name}", "phase": "final", "target": position.model_dump(mode="json"),
        "profile": f"{chosen.name} {chosen.version}", "analysis": chosen.analysis.model_dump(mode="json"),
        "store": str(store.resolve()),
    }  # fmt: skip
    work = RunTree(site.tree).work(STAGE, digest(content))
    write_atomic(work.request, canonical_json(content))
    work.forget()
    installation = installation_of(site, STAGE, "foa_analyzer.stage")
    command = installation.command(work.request, work.directory, reads=[store.resolve()])
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    report = work.last_report()
    if report is None or report.outcome == "failed":
        raise FoaError(report.reason if report else f"the analysis broke down:\n{ended.stderr[-2000:]}")
    _tell(work.products, as_json=as_json)
    return 0


def _parse_target(target: str) -> Target:
    """A name from the list, or `RA,DEC` in degrees."""
    parts = target.split(",")
    if len(parts) != 2:
        return find_target(target)
    try:
        ra, dec = map(float, parts)
    except ValueError as error:
        raise FoaError(f"{target!r} is neither a known name nor RA,DEC in degrees") from error
    return Target(name=f"{ra:g}{dec:+g}", ra=ra, dec=dec)


def _tell(products: Path, *, as_json: bool) -> None:
    results = summary.read_results(products)
    if as_json:
        sys.stdout.write((products / "results.json").read_text())
        return
    console = make_console()
    console.print(summary.findings_table(results))
    for line in summary.spectrum_lines(results):
        console.print(line, highlight=False)
    console.print(f"report: {products / 'report.html'}", highlight=False, soft_wrap=True)
