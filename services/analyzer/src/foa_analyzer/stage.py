"""The analyzer's stage: all runs and good runs, analysed and reported."""

import os
import sys
from pathlib import Path

# Set before matplotlib is imported, by Gammapy too: it needs a writable directory at once, and a
# job may have no home.
os.environ.setdefault("MPLCONFIGDIR", "/tmp/foa-matplotlib")

from astropy.coordinates import SkyCoord

from foa_analyzer.figures import draw_quality
from foa_analyzer.findings import analyse
from foa_analyzer.observations import gather, observations_of
from foa_analyzer.report import write_reports
from foa_analyzer.request import AnalysedRun, AnalysisRequest
from foa_analyzer.results import Findings, Results
from foa_analyzer.steps import RunSet
from foa_analyzer.theta2 import Dl2Counter
from foa_stage.manifests import Grade, Product
from foa_stage.runner import NothingLeft, Stage, StageResult, versions_of
from foa_stage.tree import Work, product_of

DISTRIBUTIONS = ("gammapy", "baccmod", "astropy", "numpy")


def make(request: AnalysisRequest, work: Work) -> StageResult:
    """Analyse all runs and the good ones; write results, figures and reports.

    Raises
    ------
    NothingLeft
        If every run failed.
    BadInput
        If DL3 files are not readable.
    """
    # Gammapy looks for ray at every change of a covariance; this is Python's way to say it is away
    sys.modules["ray"] = None  # type: ignore[assignment]
    if not request.runs and request.store is None:
        failed = request.failed_runs
        reasons = "; ".join(f"run {run.obs_id}: {run.stage}: {run.reason}" for run in failed)
        raise NothingLeft(f"no run could be analysed: {reasons}")
    results = _analyse(request, work.products)
    (work.products / "results.json").write_text(results.model_dump_json(indent=1))
    if results.runs:
        draw_quality(results.runs, work.products / "quality.png")
    write_reports(results, work.products)
    return StageResult(_products(work.products), {"phase": request.phase})


def _analyse(request: AnalysisRequest, products: Path) -> Results:
    names = ("title", "phase", "target", "profile", "runs", "failed_runs")
    return Results(
        **{name: getattr(request, name) for name in names},
        versions=versions_of(*DISTRIBUTIONS),
        findings=_find(request, request.store or gather(request.runs, products / "dl3"), products),
    )


def _find(request: AnalysisRequest, store: Path | None, products: Path) -> dict[str, Findings]:
    """Find everything in all runs and in good runs; the latter is left out where all are good."""
    target = SkyCoord(request.target.ra, request.target.dec, unit="deg")
    counter = Dl2Counter(target, request.analysis)

    def find(runs: tuple[AnalysedRun, ...], name: str) -> Findings:
        observations = observations_of(runs, store)
        run_set = RunSet(runs, observations, target, request.analysis, products / name)
        return analyse(run_set, counter)

    good = tuple(run for run in request.runs if run.grade is Grade.GOOD)
    findings = {"all": find(request.runs, "all")}
    if good and good != request.runs:
        findings["good"] = find(good, "good")
    return findings


def _products(directory: Path) -> list[Product]:
    """Return the files that were made, `results.json` first; roles are their relative paths."""
    results = directory / "results.json"
    found = sorted(path for path in directory.rglob("*") if path.is_file())
    made = dict.fromkeys(path for path in (results, *found) if not path.is_symlink())
    return [product_of(str(path.relative_to(directory)), path) for path in made]


STAGE = Stage(request=AnalysisRequest, make=make, distributions=DISTRIBUTIONS)
