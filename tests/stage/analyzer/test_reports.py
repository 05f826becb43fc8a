"""Reports are made from results alone, whatever is missing in them."""

from foa.manifests import Criterion, Grade, Target
from foa_analyzer.report import write_reports
from foa_analyzer.request import AnalysedRun, LostRun
from foa_analyzer.results import Counts, Findings, Results, Spectrum, Theta2, UpperLimit

NOTHING = Counts(n_on=0, n_off=0, acceptance_ratio=None, excess=None, significance=None)


def make_results(**findings):
    criterion = Criterion(name="cosmics_rate", passed=False, value=0.9, limit="above 1.5")
    return Results(
        title="t", phase="final", target=Target(name="<b>Crab & co</b>", ra=83.6, dec=22.0), profile="p 1",
        versions={"gammapy": "2.1"}, runs=(AnalysedRun(obs_id=1, grade=Grade.BAD, criteria=(criterion,)),),
        lost=(LostRun(obs_id=2, stage="selector", reason="truncated"),),
        findings={"all": Findings(obs_ids=(1,), livetime_s=0, **findings)},
    )  # fmt: skip


def render(tmp_path, **findings):
    write_reports(make_results(**findings), tmp_path)
    return (tmp_path / "report.html").read_text(), (tmp_path / "report.wiki").read_text()


def test_a_report_without_any_finding_says_why(tmp_path):
    for text in render(tmp_path, unavailable={"DL3": "no run has DL3 data"}):
        assert "no run has DL3 data" in text
        assert "truncated" in text
        assert "cosmics_rate" in text


def test_what_was_not_computed_is_a_dash(tmp_path):
    empty = Theta2(
        name="low-energy", level="DL2", energy_min=0, energy_max=0.2, cut=0.04, n_runs=1, effective_s=1, counts=NOTHING,
        edges=(0, 1), on=(0,), off=(0,),
    )  # fmt: skip
    limit = UpperLimit(energy_min=0.1, energy_max=40, index=2.5, flux=None)
    spectrum = Spectrum(
        counts=NOTHING,
        livetime_s=1,
        n_runs=1,
        detected=False,
        models=(),
        preferred=None,
        flux_points=(),
        upper_limit=limit,
    )
    for text in render(tmp_path, theta2=(empty,), spectrum=spectrum):
        assert "–" in text
        assert "No detection" in text


def test_names_do_not_become_markup(tmp_path):
    html, _ = render(tmp_path)
    assert "<b>Crab" not in html
