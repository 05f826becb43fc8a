"""The selector reads the archive: run lists, datacheck tables, DL1 files, models."""

import h5py
import numpy as np
import pytest
from astropy.table import Table

from foa_selector.archives import (
    DL1_PARAMETERS,
    ListedRun,
    find_dl1,
    find_models,
    list_runs,
    read_datacheck,
)
from foa_stage.archive import stamp
from foa_stage.runner import BadInput
from foa_testing.fakes.factories import NIGHT, make_archive

PRODUCTION = "20240918_v0.10.12_allsky_nsb_tuning_0.14"


@pytest.fixture
def archive(tmp_path):
    return make_archive(tmp_path)


@pytest.fixture
def models(tmp_path):
    """A production with two lines, and the test MC of one."""
    for line in ("dec_2276", "dec_3476"):
        directory = tmp_path / f"models/{PRODUCTION}/{line}"
        directory.mkdir(parents=True)
        for name in ("reg_energy.sav", "cls_gh.sav", "training_dirs.ecsv", "lstchain.json"):
            (directory / name).write_text(name)
    for node in ("node_a", "node_b"):
        dl2 = tmp_path / f"mc/{PRODUCTION}/dec_2276/{node}/dl2_{node}.h5"
        dl2.parent.mkdir(parents=True)
        dl2.write_text("events")
    return tmp_path / f"models/{PRODUCTION}"


def write_summary(root, runs, version=""):
    rows = [(obs_id, kind) for obs_id, kind in runs.items()]
    table = Table(rows=rows, names=["run_id", "run_type"], dtype=["int64", "str"])
    table.write(root / f"RunSummary_20241205{version}.ecsv", overwrite=True)


def write_catalog(root, *rows):
    names = ["run_id", "source_name", "source_ra", "source_dec"]
    table = Table(rows=rows, names=names, dtype=["int64", "str", "float64", "float64"])
    table.write(root / "RunCatalog_20241205.ecsv")


def write_datacheck(root, *obs_ids, tables=("cosmics_intensity_spectrum", "runsummary")):
    path = root / "DL1_datacheck_20241205.h5"
    with h5py.File(path, "w") as file:
        for name in tables:
            rows = np.array([(obs_id,) for obs_id in obs_ids], dtype=[("runnumber", int)])
            file[f"{name}/table"] = rows
    return path


def write_dl1(root, version="v0.10", n_events=3, cleaning="tailcut84"):
    path = root / f"DL1/20241205/{version}/{cleaning}/dl1_LST-1.Run00001.h5"
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        file[DL1_PARAMETERS] = np.zeros(n_events, dtype=[("event_id", int)])
    return path


def write_log(root, rate):
    path = root / "log_find_tailcuts_Run00001.log"
    path.write_text(f"Additional NSB rate (over dark MC): {rate} p.e./ns\n")
    return path


def test_data_runs_of_a_night_are_listed_with_the_catalogs_sources(archive, tmp_path):
    write_summary(tmp_path, {1: "DATA", 2: "PEDCALIB", 3: "DATA"})
    write_catalog(tmp_path, (1, "Crab", 83.6, 22.4))
    first, second = list_runs(archive, NIGHT)
    assert first == ListedRun(1, "Crab", 83.6, 22.4)
    assert (second.obs_id, second.source) == (3, "")
    assert np.isnan([second.ra, second.dec]).all()


def test_a_night_without_a_catalog_is_listed_without_sources(archive, tmp_path):
    write_summary(tmp_path, {1: "DATA"})
    (run,) = list_runs(archive, NIGHT)
    assert (run.obs_id, run.source, np.isnan(run.ra)) == (1, "", True)


def test_a_night_without_a_summary_has_no_runs(archive):
    assert list_runs(archive, NIGHT) == []


@pytest.mark.parametrize("name", ["RunSummary_20241205.ecsv", "RunCatalog_20241205.ecsv"])
@pytest.mark.parametrize("content", ["nonsense", "# %ECSV 1.0\n# ---\n# datatype:\n", ""])
def test_a_list_that_is_no_table_is_bad_input_that_names_it(archive, tmp_path, name, content):
    write_summary(tmp_path, {1: "DATA"})
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=f"{name}: not a readable ECSV table"):
        list_runs(archive, NIGHT)


def test_a_list_of_another_kind_is_bad_input_that_names_the_column(archive, tmp_path):
    path = tmp_path / "RunSummary_20241205.ecsv"
    Table({"run": [1]}).write(path)
    with pytest.raises(BadInput, match=r"RunSummary_20241205\.ecsv: no column run_id, run_type"):
        list_runs(archive, NIGHT)


def test_the_datacheck_tells_the_rows_of_a_run(archive, tmp_path):
    write_datacheck(tmp_path, 1, 1, 2)
    datacheck = read_datacheck(archive, NIGHT)
    subruns, run = datacheck.of_run(1)
    assert list(subruns["runnumber"]) == list(run["runnumber"]) == [1, 1]
    assert [len(rows) for rows in datacheck.of_run(3)] == [0, 0]


def test_a_night_without_datacheck_has_none(archive):
    assert read_datacheck(archive, NIGHT) is None


def test_a_datacheck_without_cosmics_spectra_is_bad_input(archive, tmp_path):
    write_datacheck(tmp_path, 1, tables=("runsummary",))
    with pytest.raises(BadInput, match=r"20241205\.h5: not a night-wise datacheck file"):
        read_datacheck(archive, NIGHT)


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_truncated_datacheck_is_bad_input(archive, tmp_path, share):
    path = write_datacheck(tmp_path, 1)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadInput, match=r"20241205\.h5: not a night-wise datacheck file"):
        read_datacheck(archive, NIGHT)


def test_the_newest_dl1_file_is_found(archive, tmp_path):
    write_dl1(tmp_path, "v0.9")
    newest = write_dl1(tmp_path, "v0.10")
    assert find_dl1(archive, NIGHT, 1) == stamp(newest)


def test_a_missing_dl1_file_is_bad_input_that_says_where_it_was_expected(archive, tmp_path):
    with pytest.raises(BadInput, match=f"no DL1 file {tmp_path}/DL1/20241205/.*Run00001.h5"):
        find_dl1(archive, NIGHT, 1)


def test_a_dl1_file_without_events_is_bad_input(archive, tmp_path):
    path = write_dl1(tmp_path, n_events=0)
    with pytest.raises(BadInput, match=f"{path}: holds no events"):
        find_dl1(archive, NIGHT, 1)


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_truncated_dl1_file_is_bad_input(archive, tmp_path, share):
    path = write_dl1(tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadInput, match=f"{path}: not a readable DL1 file"):
        find_dl1(archive, NIGHT, 1)


def test_a_dl1_file_without_parameters_is_bad_input(archive, tmp_path):
    path = write_dl1(tmp_path)
    with h5py.File(path, "w") as file:
        file["dl1/event/images"] = [1]
    with pytest.raises(BadInput, match=f"{path}: not a readable DL1 file"):
        find_dl1(archive, NIGHT, 1)


def test_a_run_gets_the_models_of_its_level_and_line_with_their_test_mc(archive, tmp_path, models):
    write_log(tmp_path, 0.15)
    chosen, nodes = find_models(archive, 1, write_dl1(tmp_path), 22.4)
    assert (chosen.production, chosen.line, chosen.nsb_rate) == (PRODUCTION, "dec_2276", 0.15)
    assert chosen.directory == models / "dec_2276"
    assert chosen.config == stamp(models / "dec_2276/lstchain.json")
    names = [file.path.name for file in chosen.files]
    assert names == ["cls_gh.sav", "reg_energy.sav", "training_dirs.ecsv"]
    assert [node.name for node in nodes] == ["node_a", "node_b"]
    assert nodes[0].dl2 == stamp(tmp_path / f"mc/{PRODUCTION}/dec_2276/node_a/dl2_node_a.h5")


def test_a_run_without_a_log_gets_the_models_of_the_lowest_level(archive, tmp_path, models):
    higher = models.with_name(models.name.replace("0.14", "0.22")) / "dec_2276"
    higher.mkdir(parents=True)
    chosen, _ = find_models(archive, 1, write_dl1(tmp_path), 22.4)
    assert (chosen.production, chosen.nsb_rate) == (PRODUCTION, None)


def test_a_log_that_states_no_rate_is_bad_input(archive, tmp_path, models):
    path = write_log(tmp_path, "unknown")
    with pytest.raises(BadInput, match=f"{path}: does not state the additional NSB rate"):
        find_models(archive, 1, write_dl1(tmp_path), 22.4)


def test_a_negative_rate_is_bad_input(archive, tmp_path, models):
    write_log(tmp_path, -0.1)
    with pytest.raises(BadInput, match=r"run 1: additional NSB rate -0\.1 p\.e\./ns is negative"):
        find_models(archive, 1, write_dl1(tmp_path), 22.4)


def test_a_cleaning_without_models_is_bad_input_that_names_the_installed(archive, tmp_path, models):
    dl1 = write_dl1(tmp_path, cleaning="tailcut105")
    with pytest.raises(BadInput, match=r"run 1: no models for .* 10 p\.e\. \(.*: 0\.14\)"):
        find_models(archive, 1, dl1, 22.4)


def test_an_archive_without_models_is_bad_input(archive, tmp_path):
    with pytest.raises(BadInput, match=r"run 1: no models for .* \(NSB levels installed: none\)"):
        find_models(archive, 1, write_dl1(tmp_path), 22.4)


def test_a_production_without_lines_is_bad_input(archive, tmp_path):
    (tmp_path / f"models/{PRODUCTION}").mkdir(parents=True)
    with pytest.raises(BadInput, match="run 1: "):
        find_models(archive, 1, write_dl1(tmp_path), 22.4)


@pytest.mark.parametrize("pattern", ["*.json", "*[!n]"])
def test_an_incomplete_line_is_bad_input(archive, tmp_path, models, pattern):
    for path in (models / "dec_2276").glob(pattern):
        path.unlink()
    with pytest.raises(BadInput, match=f"{models}/dec_2276: lacks Random Forests"):
        find_models(archive, 1, write_dl1(tmp_path), 22.4)


def test_a_line_without_test_mc_is_bad_input(archive, tmp_path, models):
    with pytest.raises(BadInput, match=f"no test MC DL2 {tmp_path}/mc/{PRODUCTION}/dec_3476/"):
        find_models(archive, 1, write_dl1(tmp_path), 36.2)
