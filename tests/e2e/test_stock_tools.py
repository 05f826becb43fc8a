"""The same numbers as lstchain's tools called by hand on the same files."""

import json
import subprocess
from pathlib import Path

import astropy.io.fits as fits
import numpy as np
import pytest

COMPARE_DL2 = """
import sys
import pandas as pd
key = "/dl2/event/telescope/parameters/LST_LSTCam"
ours, theirs = (pd.read_hdf(path, key=key) for path in sys.argv[1:])
# scikit-learn adds its trees in the order its threads end: the last bits differ
pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-9, atol=1e-12)
print(len(ours))
"""


@pytest.fixture(scope="module")
def works(told, operator):
    """Work of run 20003 by stage: its directory, what was asked, what was reported."""
    jobs = operator.tree / "requests" / told["crab"]["request"] / "jobs"
    found = {}
    for stage in ("dl2-converter", "irf-builder", "dl3-maker"):
        directory = (jobs / f"{stage}.20003").resolve()
        request = json.loads((directory / "request.json").read_text())
        report = json.loads((directory / "report.json").read_text())
        found[stage] = (
            directory,
            request,
            {product["role"]: Path(product["path"]) for product in report["products"]},
        )
    return found


@pytest.fixture
def stock(repository, tmp_path):
    def run(tool, *arguments):
        command = [repository / "build/envs/dl2-converter/bin" / tool, *arguments]
        ended = subprocess.run(
            [str(c) for c in command], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    return run


def assert_same_tables(ours, theirs, rtol=0.0):
    """Every table HDU holds the same rows; floating-point columns within a relative tolerance."""
    with fits.open(ours) as mine, fits.open(theirs) as his:
        assert [hdu.name for hdu in mine] == [hdu.name for hdu in his]
        for one, other in zip(mine[1:], his[1:], strict=True):
            for column in one.columns.names:
                mine_values, his_values = one.data[column], other.data[column]
                if rtol and mine_values.dtype.kind == "f":
                    np.testing.assert_allclose(mine_values, his_values, rtol=rtol)
                else:
                    np.testing.assert_array_equal(mine_values, his_values)


def test_dl2_is_that_of_lstchain_dl1_to_dl2(works, stock, tmp_path):
    _, asked, products = works["dl2-converter"]
    models = asked["models"]
    stock(
        "lstchain_dl1_to_dl2",
        "-f",
        asked["dl1"]["path"],
        "-p",
        models["directory"],
        "-o",
        tmp_path,
        "-c",
        models["config"]["path"],
    )
    n_events = stock("python", "-c", COMPARE_DL2, products["dl2"], tmp_path / products["dl2"].name)
    assert int(n_events) > 100_000


def test_irfs_are_those_of_lstchain_create_irf_files(works, stock, tmp_path):
    directory, asked, products = works["irf-builder"]
    node = asked["nodes"][0]
    stock(
        "lstchain_create_irf_files",
        "-g",
        node["dl2"]["path"],
        "-o",
        tmp_path / "irf.fits.gz",
        "--point-like",
        "--energy-dependent-gh",
        "--energy-dependent-theta",
        "--config",
        directory / "products/irf.json",
    )
    assert_same_tables(products[node["name"]], tmp_path / "irf.fits.gz")


def test_dl3_is_that_of_lstchain_create_dl3_file(works, stock, tmp_path):
    directory, asked, products = works["dl3-maker"]
    target = asked["target"]
    stock(
        "lstchain_create_dl3_file",
        "-d",
        asked["dl2"]["path"],
        "-o",
        tmp_path,
        "-i",
        directory / "products/irfs",
        "-p",
        "*.fits.gz",
        "--source-name",
        target["name"],
        "--source-ra",
        f"{target['ra']}deg",
        "--source-dec",
        f"{target['dec']}deg",
        "--config",
        directory / "products/dl3.json",
    )
    # lstchain interpolates IRFs at the geomagnetic field of the moment: 1e-6 an hour
    assert_same_tables(products["dl3"], tmp_path / products["dl3"].name, rtol=1e-4)
