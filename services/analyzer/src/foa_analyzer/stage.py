"""The analyzer's stage: all runs and good runs, analysed and reported."""

import importlib.metadata
import logging
import os
import sys
from pathlib import Path

# matplotlib and numba want a writable home; a job may have none
os.environ.setdefault("MPLCONFIGDIR", "/tmp/foa-matplotlib")

from astropy.coordinates import SkyCoord
from astropy.utils import iers
from foa.manifests import Grade
from foa.stage import NothingLeft, Outcome, run_stage
from foa.tree import product_of

from foa_analyzer.figures import draw_quality
from foa_analyzer.findings import Search
from foa_analyzer.observations import gather
from foa_analyzer.report import write_reports
from foa_analyzer.request import AnalysedRun, AnalysisRequest
from foa_analyzer.results import Findings, Results

DISTRIBUTIONS = ("gammapy", "baccmod", "astropy", "numpy")


def main(request: Path) -> int:
    """Do one piece of work."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    iers.conf.auto_download = False
    return run_stage(request, AnalysisRequest, analyse, DISTRIBUTIONS)


def analyse(work: AnalysisRequest, products: Path) -> Outcome:
    """Analyse all runs and the good ones; write results, figures and reports."""
    if not work.runs and work.store is None:
        reasons = "; ".join(f"run {run.obs_id}: {run.stage}: {run.reason}" for run in work.lost)
        raise NothingLeft(f"no run could be analysed: {reasons}")
    store = work.store or gather(work.runs, products / "dl3")
    results = Results(
        title=work.title, phase=work.phase, target=work.target, profile=work.profile, runs=work.runs, lost=work.lost,
        versions={name: importlib.metadata.version(name) for name in DISTRIBUTIONS},
        findings=_search(work, store, products),
    )  # fmt: skip
    (products / "results.json").write_text(results.model_dump_json(indent=1))
    if results.runs:
        draw_quality(results.runs, products / "quality.png")
    write_reports(results, products)
    made = [products / "results.json", *sorted(path for path in products.rglob("*") if path.is_file())]
    listed = dict.fromkeys(path for path in made if not path.is_symlink())
    return Outcome([product_of(str(path.relative_to(products)), path) for path in listed], {"phase": work.phase})


def _search(work: AnalysisRequest, store: Path | None, products: Path) -> dict[str, Findings]:
    """Findings in all runs and in good runs; the same where all are good."""
    target = SkyCoord(work.target.ra, work.target.dec, unit="deg")
    everything = list(work.runs)
    good = [run for run in everything if run.grade is Grade.GOOD]

    def search(runs: list[AnalysedRun], name: str) -> Findings:
        return Search(runs, store, target, work.analysis, products / name).run()

    findings = {"all": search(everything, "all")}
    if good and good != everything:
        findings["good"] = search(good, "good")
    return findings
