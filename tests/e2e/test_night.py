"""One request, one night, one command: what was injected is found."""

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2


def significances(findings):
    found = [theta2["counts"]["significance"] for theta2 in findings["theta2"]]
    found += [findings["spectrum"]["counts"]["significance"], findings["sky_map"]["significance"]]
    return [value for value in found if value is not None]


def injected(truth, energy):
    """dN/dE of the Crab-like source."""
    crab = truth["crab_spectrum"]
    return crab["amplitude"] * energy ** (-crab["alpha"] - crab["beta_log10"] * np.log10(energy))


@pytest.mark.parametrize("runs", ["all", "good"])
def test_the_crab_like_source_is_found(told, runs):
    findings = told["crab"]["content"]["findings"][runs]
    assert findings["unavailable"] == {}
    by_name = {theta2["name"]: theta2["counts"]["significance"] for theta2 in findings["theta2"]}
    assert by_name["standard"] > 10
    assert findings["spectrum"]["counts"]["significance"] > 10
    assert findings["sky_map"]["significance"] > 10
    assert abs(findings["sky_map"]["off_mean"]) < 0.3
    assert 0.8 < findings["sky_map"]["off_width"] < 1.2


def test_the_map_peaks_at_the_source(told):
    content = told["crab"]["content"]
    sky_map, target = content["findings"]["good"]["sky_map"], content["target"]
    off_ra = (sky_map["peak_ra"] - target["ra"]) * math.cos(math.radians(target["dec"]))
    assert math.hypot(off_ra, sky_map["peak_dec"] - target["dec"]) < 0.1


def test_the_fitted_spectrum_agrees_with_the_injected_one(told, night):
    spectrum = told["crab"]["content"]["findings"]["good"]["spectrum"]
    points = [p for p in spectrum["flux_points"] if not p["is_upper_limit"] and p["dnde_error"]]
    assert len(points) >= 5
    pulls = [(p["dnde"] - injected(night, p["energy_ref"])) / p["dnde_error"] for p in points]
    assert chi2.sf(np.square(pulls).sum(), len(pulls)) > 0.003
    for model in spectrum["models"]:
        amplitude = model["parameters"]["amplitude"]
        assert abs(amplitude["value"] - injected(night, 1.0)) < 3 * amplitude["error"]


def test_the_light_curve_is_that_of_a_steady_source(told):
    for curve in told["crab"]["content"]["findings"]["good"]["light_curves"]:
        flux = np.array([point["flux"] for point in curve["points"]])
        error = np.array([point["flux_error"] for point in curve["points"]])
        mean = np.average(flux, weights=error**-2)
        assert chi2.sf((((flux - mean) / error) ** 2).sum(), len(flux) - 1) > 0.003


def test_the_empty_field_stays_empty_and_has_an_upper_limit(told):
    findings = told["too"]["content"]["findings"]["all"]
    assert max(significances(findings)) < 3
    spectrum = findings["spectrum"]
    assert spectrum["detected"] is False
    assert spectrum["models"] == []
    assert 1e-12 < spectrum["upper_limit"]["flux"] < 1e-9
    assert any(point["dnde_upper_limit"] for point in spectrum["flux_points"])


def test_each_bad_run_is_bad_for_the_reason_it_was_made_bad(told, operator, night):
    defects = {run["obs_id"]: run["defect"] for run in night["runs"]}
    rows = json.loads(operator.type("why", told["crab"]["request"], "--json").stdout)
    failing = {}
    for row in rows:
        if row["verdict"] == "fails":
            failing.setdefault(row["run"], set()).add(row["what"])
    graded = {run["obs_id"]: run["grade"] for request in told.values() for run in request["runs"]}
    for obs_id, defect in defects.items():
        if defect == "truncated":
            assert graded[obs_id] == ""
        elif defect == "none":
            assert graded[obs_id] == "good"
        else:
            assert graded[obs_id] == "bad"
            assert failing[obs_id] == {defect}


def test_runs_that_cannot_go_on_say_why_and_the_others_go_on(told):
    runs = {run["obs_id"]: run for run in told["crab"]["runs"]}
    assert "truncated file" in runs[20108]["reason"]
    assert "outside the MC nodes" in runs[20101]["reason"]
    through = [obs_id for obs_id, run in runs.items() if run["stages"]["dl3-maker"] == "done"]
    assert len(through) == len(runs) - 2


def test_a_run_off_the_irfs_offset_is_in_the_map_but_not_in_the_spectrum(told):
    findings = told["crab"]["content"]["findings"]["all"]
    assert list(findings["excluded"]) == ["20107"]
    assert 20107 in findings["obs_ids"]


def test_there_was_a_first_look_and_a_final_analysis(told, operator):
    versions = sorted(
        path.name
        for path in (operator.tree / "requests" / told["crab"]["request"] / "results").glob("[!.]*")
    )
    assert versions == ["001-first-look", "002-final"]


def test_results_come_as_report_wiki_page_figures_and_tables(told):
    directory = Path(told["crab"]["results"]).parent
    html = (directory / "report.html").read_text()
    for figure in directory.rglob("*.png"):
        assert str(figure.relative_to(directory)) in html
    assert '{| class="wikitable"' in (directory / "report.wiki").read_text()
    for name in (
        "flux-points.ecsv",
        "light-curve-run.ecsv",
        "map-significance.fits",
        "theta2-dl3-standard.ecsv",
    ):
        assert (directory / "all" / name).stat().st_size > 0


def test_running_again_takes_seconds_and_submits_no_job(told, operator):
    before, start = operator.attempts(), time.monotonic()
    again = operator.run("crab", "too")
    assert time.monotonic() - start < 15
    assert operator.attempts() == before
    assert again == told


def test_the_operator_is_told_where_every_run_stands(told, operator):
    shown = operator.type("show", told["crab"]["request"]).stdout
    assert "20003" in shown
    assert "significance" in shown
    assert told["crab"]["request"] in operator.type("list").stdout
    assert "dl2-converter" in operator.type("log", told["crab"]["request"], "20003").stdout
    assert json.loads(operator.type("check", "--json").stdout)[0]["ok"] is True


def test_a_request_that_does_not_exist_is_a_clear_error(operator, told):
    ended = operator.type("show", "vela", check=False)
    assert ended.returncode == 2
    assert "no request begins with 'vela'" in ended.stderr


def test_retrying_a_run_does_its_failed_job_again_and_nothing_else(told, operator):
    before = operator.attempts()
    operator.type("retry", told["crab"]["request"], "20101")
    (job,) = operator.attempts() - before
    assert job.startswith("work/dl3-maker/")
    assert job.endswith("attempt-2")
