"""The selector's stage: the runs of a request, graded and with their models."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from foa_selector.plan import SelectedRuns
from foa_selector.stage import STAGE
from foa_stage.jobs import ExitCode
from foa_stage.manifests import Grade
from foa_stage.runner import run_stage
from foa_testing.fakes.factories import CRAB, NIGHT

FAR = CRAB.dec + 10
"""Declination of a pointing outside the search radius (deg)."""


def found(report):
    return SelectedRuns.model_validate(report.facts)


def test_a_good_run_of_the_target_is_selected_with_all_that_others_need(night, select):
    dl1 = night.observe(1)
    night.write()
    code, report = select()
    assert code == ExitCode.DONE
    assert report.products == ()
    assert found(report).unreadable == ()
    (run,) = found(report).runs
    assert (run.obs_id, run.night, run.dl1.path) == (1, NIGHT, dl1)
    assert (run.grade, run.elapsed_s) == (Grade.GOOD, 1200)
    assert len(run.criteria) >= 11
    assert {criterion.passed for criterion in run.criteria} == {True}
    assert run.pointing.dec == pytest.approx(CRAB.dec + 0.4)
    assert run.pointing.zenith == pytest.approx(np.degrees(np.arccos(0.9)))
    assert (run.models.production, run.models.line) == (night.production, "dec_2276")
    assert [node.name for node in run.nodes] == ["node_a"]


def test_runs_within_the_search_radius_belong_to_the_request(night, select):
    night.observe(1)
    night.observe(2, CRAB.dec + 1.9, source="zeta Tauri")
    night.observe(3, CRAB.dec + 2.1, source="zeta Tauri")
    night.write()
    assert [run.obs_id for run in found(select()[1]).runs] == [1, 2]


def test_a_run_that_the_catalog_names_belongs_to_the_request_wherever_it_points(night, select):
    night.observe(1, FAR, source="CRAB")
    night.observe(2, FAR, source="M 1")
    night.write()
    assert [run.obs_id for run in found(select()[1]).runs] == [1]


def test_a_run_that_no_catalog_lists_is_found_by_its_datacheck(night, select):
    night.observe(1, catalog=False)
    night.observe(2, FAR, catalog=False)
    night.observe(3, catalog=False, datacheck=False)
    night.write()
    assert [run.obs_id for run in found(select()[1]).runs] == [1]


def test_only_runs_that_the_request_names_are_selected_wherever_they_point(night, select):
    for obs_id in (1, 2, 3):
        night.observe(obs_id, FAR if obs_id == 2 else CRAB.dec + 0.4, source="M 1")
    night.write()
    assert [run.obs_id for run in found(select(obs_ids=(2, 3))[1]).runs] == [2, 3]


def test_a_bad_run_is_selected_with_its_grade(night, select):
    night.observe(1, CRAB.dec + 1.0)
    night.write()
    (run,) = found(select()[1]).runs
    assert run.grade is Grade.BAD
    failed = [criterion.name for criterion in run.criteria if criterion.passed is False]
    assert failed == ["wobble_offset"]


def test_a_run_without_datacheck_rows_is_usable_and_points_where_the_catalog_says(night, select):
    night.observe(1, datacheck=False)
    night.write()
    (run,) = found(select()[1]).runs
    assert (run.grade, run.elapsed_s) == (Grade.USABLE, None)
    assert [criterion.name for criterion in run.criteria] == ["datacheck"]
    assert (run.pointing.ra, run.pointing.dec) == (CRAB.ra, CRAB.dec + 0.4)
    assert run.pointing.zenith is None


def test_a_run_of_unknown_pointing_is_unreadable(night, select):
    night.observe(1, catalog=False, datacheck=False)
    night.write()
    code, report = select(obs_ids=(1,))
    assert code == ExitCode.DONE
    (run,) = found(report).unreadable
    assert "run 1: neither datacheck nor run catalog tell where it points" in run.reason


def test_a_run_with_a_truncated_dl1_file_is_unreadable_and_the_others_go_on(night, select):
    night.observe(1)
    path = night.observe(2)
    path.write_bytes(path.read_bytes()[:500])
    night.write()
    code, report = select()
    assert code == ExitCode.DONE
    assert [run.obs_id for run in found(report).runs] == [1]
    (unreadable,) = found(report).unreadable
    assert unreadable.obs_id == 2
    assert str(path) in unreadable.reason


def test_a_run_without_a_dl1_file_is_unreadable(night, select):
    night.observe(1).unlink()
    night.write()
    (run,) = found(select()[1]).unreadable
    assert run.reason.startswith("no DL1 file ")


def test_a_run_without_models_is_unreadable(night, select):
    night.observe(1)
    night.write()
    shutil.rmtree(night.root / "models")
    (run,) = found(select()[1]).unreadable
    assert "no models for a picture threshold of 8 p.e." in run.reason


def test_every_night_of_the_request_is_searched(night, select):
    night.observe(1)
    night.write()
    before, after = NIGHT - timedelta(days=2), NIGHT + timedelta(days=1)
    (run,) = found(select(first_night=before, last_night=after)[1]).runs
    assert run.night == NIGHT


def test_a_target_that_was_not_observed_ends_with_what_was(night, select):
    night.observe(1, FAR, source="M 1")
    night.write()
    code, report = select(last_night=NIGHT + timedelta(days=1))
    assert code == ExitCode.NOTHING_LEFT
    assert report.reason == (
        "no run of Crab within 2° in the nights 2024-12-05 to 2024-12-06: "
        "there is no run summary or run catalog yet of 2024-12-06; "
        "observed on 2024-12-05: M 1 (1 run)"
    )


def test_a_night_in_the_future_has_not_been_yet(night, select):
    tomorrow = datetime.now(tz=UTC).date() + timedelta(days=1)
    reason = select(first_night=tomorrow, last_night=tomorrow)[1].reason
    assert f"the night {tomorrow} has not been yet" in reason


def test_runs_that_exist_go_on_and_numbers_that_do_not_are_failed_runs(night, select):
    night.observe(1)
    night.observe(2, kind="PEDCALIB")
    night.write()
    code, report = select(obs_ids=(1, 2, 7))
    assert code == ExitCode.DONE
    assert [run.obs_id for run in found(report).runs] == [1]
    assert {run.obs_id: run.reason for run in found(report).unreadable} == {
        2: "the run on 2024-12-05 is of type PEDCALIB, not of type DATA",
        7: "no such run on 2024-12-05",
    }


@pytest.mark.parametrize("name", ["RunSummary_20241205.ecsv", "DL1_datacheck_20241205.h5"])
def test_a_damaged_list_of_the_night_is_bad_input(night, select, name):
    night.observe(1)
    night.write()
    path = night.root / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    code, report = select()
    assert code == ExitCode.BAD_INPUT
    assert str(path) in report.reason


def test_a_request_that_is_no_selection_is_a_bad_request(tmp_path):
    path = tmp_path / "work/selector/key/request.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"request": {}}))
    assert run_stage(STAGE, path) == ExitCode.BAD_REQUEST
