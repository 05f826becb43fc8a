"""The stage as a whole: request in, results, figures and reports out."""

import pytest

from foa_analyzer.request import AnalysedRun, AnalysisRequest, FailedRun
from foa_analyzer.stage import STAGE
from foa_analyzer.tables import read_results
from foa_stage.manifests import Grade, Target, canonical_json
from foa_stage.runner import run_stage
from foa_stage.tree import Report, RunTree

pytestmark = [
    # of Gammapy, which draws models, and of BAccMod, which divides by empty bins
    pytest.mark.filterwarnings("ignore:This axis already has a converter:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*divide:RuntimeWarning"),
]


def analysed_runs(ended):
    """Read which runs the findings are of."""
    code, _, products = ended
    assert code == 0
    results = read_results((products / "results.json").read_bytes())
    return {name: findings.obs_ids for name, findings in results.findings.items()}


@pytest.fixture
def analyse(tmp_path, target, settings):
    """Have the stage do a request; return exit code, report and directory of products."""

    def run(**request):
        work = RunTree(tmp_path).work("analyzer", "key")
        common = {
            "title": "crab",
            "phase": "final",
            "target": Target(name="Crab", ra=target.ra.deg, dec=target.dec.deg),
            "profile": "p 1",
            "analysis": settings,
        }
        work.directory.mkdir(parents=True)
        work.request.write_bytes(canonical_json(AnalysisRequest(**common | request)))
        code = run_stage(STAGE, work.request)
        return code, Report.read(work.directory), work.products

    return run


def test_results_figures_and_reports_are_products(make_run, analyse):
    runs = (make_run(1, grade=Grade.BAD), AnalysedRun(obs_id=2, grade=Grade.GOOD))
    failed = (FailedRun(obs_id=3, stage="selector", reason="truncated"),)
    code, report, products = analyse(runs=runs, failed_runs=failed)
    assert code == 0
    assert report.facts == {"phase": "final"}
    results = read_results((products / "results.json").read_bytes())
    assert (results.runs, results.failed_runs) == (runs, failed)
    assert results.findings["all"].unavailable == {}
    roles = [product.role for product in report.products]
    assert roles[0] == "results.json"
    assert {"report.html", "report.wiki", "quality.png", "all/maps.png"} <= set(roles)
    assert "dl3/hdu-index.fits.gz" in roles
    assert not any(role.startswith("dl3/dl3_") for role in roles)  # links to others' products
    assert report.missing() == report.corrupt() == []
    versions = {name: report.versions[name] for name in STAGE.distributions}
    assert results.versions == versions


def test_good_runs_are_analysed_beside_all(analyse):
    runs = (AnalysedRun(obs_id=1, grade=Grade.GOOD), AnalysedRun(obs_id=2, grade=Grade.USABLE))
    assert analysed_runs(analyse(runs=runs)) == {"all": (1, 2), "good": (1,)}


def test_where_all_runs_are_good_they_are_analysed_once(analyse):
    assert analysed_runs(analyse(runs=(AnalysedRun(obs_id=1, grade=Grade.GOOD),))) == {"all": (1,)}


def test_where_no_run_is_good_all_are_analysed(analyse):
    assert analysed_runs(analyse(runs=(AnalysedRun(obs_id=1),))) == {"all": (1,)}


def test_a_foreign_directory_is_analysed(observe, write_dl3, analyse, tmp_path):
    write_dl3(observe(1), tmp_path / "store")
    code, report, products = analyse(store=tmp_path / "store")
    assert code == 0
    assert analysed_runs((code, report, products)) == {"all": (1,)}
    assert "quality.png" not in [product.role for product in report.products]


def test_without_any_run_there_is_nothing_left(analyse):
    failed = (FailedRun(obs_id=3, stage="selector", reason="truncated"),)
    code, report, _ = analyse(failed_runs=failed)
    assert code == 4
    assert report.reason == "no run could be analysed: run 3: selector: truncated"


def test_an_unreadable_directory_is_a_bad_input(analyse, tmp_path):
    code, report, _ = analyse(store=tmp_path / "nowhere")
    assert code == 3
    assert "not a readable directory of DL3 files" in report.reason
