"""Everything found in one set of runs."""

import pytest

from foa_analyzer.findings import analyse, dl2_steps, dl3_steps
from foa_analyzer.request import AnalysedRun

pytestmark = [
    # of Gammapy, which draws models, and of BAccMod, which divides by empty bins
    pytest.mark.filterwarnings("ignore:This axis already has a converter:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*divide:RuntimeWarning"),
]


def test_every_step_is_done(make_run, observe, make_run_set, tmp_path, counter):
    runs = [make_run(1), make_run(2)]
    findings = analyse(make_run_set([observe(1), observe(2)], runs), counter)
    assert findings.unavailable == {}
    assert findings.obs_ids == (1, 2)
    assert findings.livetime_s == pytest.approx(2400)
    shown = [(one.level, one.name) for one in findings.theta2]
    assert shown == [("DL2", "low-energy"), ("DL2", "high-energy"), ("DL3", "standard")]
    assert findings.sky_map.significance > 15
    assert findings.spectrum.detected
    assert [curve.per for curve in findings.light_curves] == ["run", "night"]
    assert list(findings.figures) == [
        "theta2-dl2-low-energy.png",
        "theta2-dl2-high-energy.png",
        "theta2-dl3-standard.png",
        "maps.png",
        "spectrum.png",
        "light-curves.png",
    ]
    assert {path.name for path in tmp_path.glob("*.png")} == set(findings.figures)


def test_runs_without_any_data_have_no_findings(make_run_set, counter):
    findings = analyse(make_run_set(runs=[AnalysedRun(obs_id=1)]), counter)
    assert findings.unavailable == {"DL3": "no run has DL3 data"}
    assert findings.obs_ids == (1,)
    assert findings.livetime_s == 0
    assert findings.theta2 == ()


def test_dl2_is_looked_at_though_dl3_is_missing(make_run, make_run_set, counter):
    run = make_run(1).model_copy(update={"dl3": None})
    findings = analyse(make_run_set(runs=[run]), counter)
    assert [one.level for one in findings.theta2] == ["DL2", "DL2"]
    assert list(findings.unavailable) == ["DL3"]


def test_a_foreign_directory_has_the_runs_it_has(observe, make_run_set, counter):
    findings = analyse(make_run_set([observe(3, point_like=False)]), counter)
    assert findings.obs_ids == (3,)
    assert findings.unavailable == {}


def test_excluded_runs_are_told_though_no_spectrum_is_left(observe, make_run_set, counter):
    findings = analyse(make_run_set([observe(1, offset_deg=1.4)]), counter)
    assert list(findings.excluded) == ["1"]
    assert findings.sky_map is not None
    assert list(findings.unavailable) == ["spectrum"]
    assert findings.light_curves == ()


def test_a_target_in_the_centre_of_the_camera_has_a_map_only(observe, make_run_set, counter):
    findings = analyse(make_run_set([observe(1, point_like=False, offset_deg=0.02)]), counter)
    assert findings.sky_map is not None
    assert list(findings.unavailable) == ["theta2 DL3", "spectrum"]
    assert "no off region fits" in findings.unavailable["theta2 DL3"]


def test_without_sets_of_cuts_no_dl2_is_read(make_run, make_run_set, counter):
    run = make_run(1).model_copy(update={"dl3": None})
    run.dl2.path.unlink()
    findings = analyse(make_run_set(runs=[run], theta2_dl2=()), counter)
    assert list(findings.unavailable) == ["DL3"]


def test_a_damaged_dl2_file_is_one_error_that_names_it(make_run, make_run_set, counter):
    run = make_run(1).model_copy(update={"dl3": None})
    run.dl2.path.write_bytes(run.dl2.path.read_bytes()[:3000])
    findings = analyse(make_run_set(runs=[run]), counter)
    assert list(findings.unavailable) == ["theta2 DL2", "DL3"]
    assert str(run.dl2.path) in findings.unavailable["theta2 DL2"]


def test_steps_are_named_as_they_are_reported(settings, counter):
    (counted,) = dl2_steps(settings, counter)
    assert counted.name == "theta2 DL2"
    assert [one.name for one in counted.then] == [
        "theta2 DL2 low-energy",
        "theta2 DL2 high-energy",
    ]
    assert [one.name for one in dl3_steps(settings)][:2] == ["theta2 DL3", "sky map"]
