"""The lists of runs, read back as the selector reads them."""

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time

from foa_testing.night.catalogs import write_catalogs
from foa_testing.night.definition import NSB_RATE, RUNS

NIGHTS = sorted({run.directory_night for run in RUNS})


@pytest.fixture(scope="module")
def runs():
    """A run of each night, and one more."""
    return (RUNS[0], RUNS[2], RUNS[-2])


@pytest.fixture
def root(layout, runs):
    write_catalogs(layout, runs)
    return layout.root


@pytest.mark.parametrize("night", NIGHTS)
def test_the_summary_lists_the_runs_of_a_night_with_their_subruns(root, runs, night):
    table = Table.read(root / f"monitoring/RunSummary/RunSummary_{night}.ecsv")
    data = table[table["run_type"] == "DATA"]
    expected = [(run.obs_id, run.n_subruns) for run in runs if run.directory_night == night]
    assert list(zip(data["run_id"], data["n_subruns"], strict=True)) == expected
    assert table.meta["date"].replace("-", "") == night


def test_the_summary_has_calibration_runs_before_the_data(root, runs):
    table = Table.read(root / f"monitoring/RunSummary/RunSummary_{NIGHTS[0]}.ecsv")
    assert list(table["run_type"][:3]) == ["DRS4", "PEDCALIB", "DATA"]
    assert (np.diff(table["run_start"]) > 0).all()
    assert (table["run_id"][:2] < runs[0].obs_id).all()


def test_clocks_of_the_summary_count_tai(root, runs):
    table = Table.read(root / f"monitoring/RunSummary/RunSummary_{NIGHTS[0]}.ecsv")
    started = Time(table["run_start"][-1] / 1e9, format="unix_tai").utc
    assert started.isot.startswith(runs[1].start)


@pytest.mark.parametrize("night", NIGHTS)
def test_the_catalog_names_the_source_of_every_run(root, runs, night):
    table = Table.read(root / f"monitoring/RunCatalog/RunCatalog_{night}.ecsv")
    expected = {run.obs_id: run.source.name for run in runs if run.directory_night == night}
    assert dict(zip(table["run_id"], table["source_name"], strict=True)) == expected


def test_the_merged_summary_has_all_runs_with_their_pointings(root, runs):
    table = Table.read(root / "OSA/Catalog/merged_RunSummary.ecsv")
    assert list(table["run_id"]) == [run.obs_id for run in runs]
    for row, run in zip(table, runs, strict=True):
        assert row["dec"] == pytest.approx(run.source.dec, abs=0.01)
        assert row["ra"] == pytest.approx(run.source.ra, abs=0.6)
        assert 0 <= row["az"] < 2 * np.pi


def test_every_run_has_the_log_of_the_tailcuts_finder(root, runs):
    for run in runs:
        log = root / f"auxiliary/TailCuts/log_find_tailcuts_Run{run.obs_id:05d}.log"
        [line] = [line for line in log.read_text().splitlines() if "NSB rate" in line]
        assert float(line.split(":")[1].split()[0]) == NSB_RATE
