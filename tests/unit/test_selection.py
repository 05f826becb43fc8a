"""The selector's stage: the runs of a request, graded and with their models."""

import json
import shutil
from datetime import timedelta

import h5py
import numpy as np
import pytest
from astropy.table import Table

from foa_selector.archives import DL1_PARAMETERS
from foa_selector.plan import SelectedRuns, SelectionRequest
from foa_selector.stage import STAGE
from foa_stage.jobs import ExitCode
from foa_stage.manifests import Grade, canonical_json
from foa_stage.runner import run_stage
from foa_stage.tree import RunTree
from foa_testing.fakes.factories import CRAB, NIGHT, make_archive, make_request

PRODUCTION = "20240918_v0.10.12_allsky_nsb_tuning_0.14"
FAR = CRAB.dec + 10
"""Declination of a pointing outside the search radius (deg)."""
SUBRUN = {
    "cos_zenith": 0.9,
    "ra_tel": CRAB.ra,
    "dec_tel": CRAB.dec + 0.4,
    "az_tel": 1.0,
    "diffuse_nsb_std": 1.5,
    "intensity_spectrum_fit_p_value": 0.5,
    "ZD_corrected_cosmics_spectral_index": -2.23,
    "ZD_corrected_cosmics_rate_at_422_pe": 1.7,
    "ZD_corrected_intensity_at_half_peak_rate": 45.0,
    "time": 0.0,
}
SUMMARY = {"elapsed_time": 1200.0, "num_flatfield": 100.0, "num_pedestals": 100.0}


class Night:
    """One night of an archive in the making; `write` writes its lists."""

    def __init__(self, root):
        self.root = root
        self.catalog, self.subruns, self.summaries = [], [], []
        self.obs_ids = []

    def observe(self, obs_id, dec=CRAB.dec + 0.4, *, source="Crab", catalog=True, datacheck=True):
        """Add a good run that points at this declination, and its DL1 file."""
        self.obs_ids.append(obs_id)
        if catalog:
            self.catalog.append((obs_id, source, CRAB.ra, dec))
        if datacheck:
            self.subruns += [{"runnumber": obs_id, **SUBRUN, "dec_tel": dec}] * 5
            self.summaries.append({"runnumber": obs_id, **SUMMARY})
        path = self.root / f"DL1/20241205/v0.10/tailcut84/dl1_LST-1.Run{obs_id:05d}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file[DL1_PARAMETERS] = np.zeros(3, dtype=[("event_id", int)])
        return path

    def write(self):
        kinds = ["DATA"] * len(self.obs_ids)
        summary = Table({"run_id": self.obs_ids, "run_type": kinds})
        summary.write(self.root / "RunSummary_20241205.ecsv")
        names = ["run_id", "source_name", "source_ra", "source_dec"]
        types = ["int64", "str", "float64", "float64"]
        catalog = Table(rows=self.catalog or None, names=names, dtype=types)
        catalog.write(self.root / "RunCatalog_20241205.ecsv")
        with h5py.File(self.root / "DL1_datacheck_20241205.h5", "w") as file:
            file["cosmics_intensity_spectrum/table"] = rows_of(self.subruns, SUBRUN)
            file["runsummary/table"] = rows_of(self.summaries, SUMMARY)


def rows_of(records, columns):
    dtype = [("runnumber", int), *((name, float) for name in columns)]
    return np.array([tuple(record.values()) for record in records], dtype=dtype)


@pytest.fixture
def night(tmp_path):
    root = tmp_path / "archive"
    line = root / f"models/{PRODUCTION}/dec_2276"
    dl2 = root / f"mc/{PRODUCTION}/dec_2276/node_a/dl2_node_a.h5"
    for path in (line / "cls_gh.sav", line / "lstchain.json", dl2):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return Night(root)


@pytest.fixture
def select(night, tmp_path):
    """Let the stage answer a request; return its exit code and report."""

    def run(**changes):
        request = make_request(archive=make_archive(night.root)).model_copy(update=changes)
        work = RunTree(tmp_path / "tree").work("selector", "key")
        work.directory.mkdir(parents=True, exist_ok=True)
        work.request.write_bytes(canonical_json(SelectionRequest(request=request, inputs="0")))
        return run_stage(STAGE, work.request), work.last_report()

    return run


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
    assert (run.models.production, run.models.line) == (PRODUCTION, "dec_2276")
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


def test_a_target_without_runs_ends_with_its_own_code_and_says_what_was_searched(night, select):
    night.observe(1, FAR, source="M 1")
    night.write()
    code, report = select()
    assert code == ExitCode.NOTHING_LEFT
    assert report.reason == "no run of Crab within 2° in the nights 2024-12-05 to 2024-12-05"


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
