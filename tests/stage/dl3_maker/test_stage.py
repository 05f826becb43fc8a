"""Event lists get the IRF of their pointing, or the run fails with one clear reason."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from foa_stage.jobs import ExitCode
from foa_stage.tree import product_of
from foa_testing.fakes.factories import CRAB


@pytest.fixture
def damaged_irfs(irfs, tmp_path):
    """The IRFs, of which one is a copy with something done to it."""

    def make(damage):
        path = tmp_path / irfs[0].path.name
        path.write_bytes(damage(irfs[0].path.read_bytes()))
        return (irfs[0].model_copy(update={"path": path}), *irfs[1:])

    return make


def test_an_event_list_holds_the_events_that_pass_filters_and_cuts(reduce, dl2):
    code, report = reduce(dl2())
    assert code == ExitCode.DONE
    assert not report.corrupt()
    product = report.product("dl3")
    assert product.path.name == "dl3_LST-1.Run00001.fits"
    with fits.open(product.path) as hdus:
        hdus.verify("exception")
        names = {hdu.name for hdu in hdus}
        events = hdus["EVENTS"]
        assert names >= {"EVENTS", "GTI", "POINTING", "EFFECTIVE AREA", "GH_CUTS", "RAD_MAX"}
        assert len(events.data) == product.events == 500
        assert np.array_equal(events.data["EVENT_ID"], np.arange(0, 2000, 4))
        assert events.header["OBS_ID"] == 1
        assert events.header["OBJECT"] == CRAB.name
        assert 0 < events.header["LIVETIME"] <= events.header["ONTIME"]


def test_the_index_files_list_the_run(reduce, dl2):
    _, report = reduce(dl2())
    indices = [report.product(role).path for role in ("hdu-index", "obs-index")]
    assert [path.name for path in indices] == ["hdu-index.fits.gz", "obs-index.fits.gz"]
    hdus, observations = (fits.getdata(path, 1) for path in indices)
    assert list(observations["OBS_ID"]) == [1]
    assert set(hdus["FILE_NAME"]) == {"dl3_LST-1.Run00001.fits"}


def test_a_pointing_between_the_nodes_gets_an_interpolated_irf(reduce, dl2, irfs):
    _, report = reduce(dl2())
    assert report.facts["irf_choice"].startswith("interpolated between ")
    assert all(irf.role.strip("_") in report.facts["irf_choice"] for irf in irfs)
    area = fits.getdata(report.product("dl3").path, "EFFECTIVE AREA")["EFFAREA"]
    for irf in irfs:
        assert not np.array_equal(area, fits.getdata(irf.path, "EFFECTIVE AREA")["EFFAREA"])


def test_a_pointing_just_outside_the_nodes_gets_the_irf_of_the_nearest(reduce, dl2, irfs):
    code, report = reduce(dl2(zenith=45, azimuth=262.7))
    assert code == ExitCode.DONE
    assert report.facts["irf_choice"].startswith("nearest: node_theta_43.197_az_262.712 at 0.0")
    assert "zenith 45.0 deg" in report.facts["irf_choice"]
    area = fits.getdata(report.product("dl3").path, "EFFECTIVE AREA")["EFFAREA"]
    nearest = fits.getdata(irfs[2].path, "EFFECTIVE AREA")["EFFAREA"]
    assert np.array_equal(area, nearest)


def test_a_pointing_far_outside_the_nodes_is_refused_with_its_distance(reduce, dl2):
    code, report = reduce(dl2(zenith=60, azimuth=262.7))
    assert code == ExitCode.BAD_INPUT
    assert "no IRF for zenith 60.0 deg, azimuth 262.7 deg" in report.reason
    assert "from the nearest (node_theta_43.197_az_262.712)" in report.reason
    assert report.reason.endswith("more than 0.05")


def test_the_profile_says_how_far_from_the_nodes_is_too_far(reduce, dl2):
    path = dl2(zenith=60, azimuth=262.7)
    assert reduce(path, max_node_distance=0.4)[0] == ExitCode.DONE
    assert reduce(path, max_node_distance=0.2)[0] == ExitCode.BAD_INPUT


def test_a_single_node_serves_pointings_near_it(reduce, dl2, irfs):
    code, report = reduce(dl2(zenith=43, azimuth=262.7), irfs=irfs[2:])
    assert code == ExitCode.DONE
    assert report.facts["irf_choice"].startswith("nearest: node_theta_43.197_az_262.712")


def test_the_report_says_what_the_event_list_was_made_of(reduce, dl2, irfs):
    path = dl2()
    _, report = reduce(path)
    made_of = [product_of("dl2", path).sha256, *(irf.sha256 for irf in irfs)]
    assert report.facts["made_of"] == made_of
    assert report.versions.keys() >= {"foa-stage", "lstchain", "pyirf", "ctapipe", "numpy"}


def test_the_profile_says_how_bright_events_must_be(reduce, dl2):
    _, report = reduce(dl2(), min_intensity_pe=40)
    assert report.product("dl3").events == 1000


@pytest.mark.parametrize(
    "changes", [{"gammaness": 0.0}, {"gammaness": 0.2}, {"intensity": 10.0}, {"n_events": 0}]
)
def test_a_run_of_which_no_event_is_left_ends_with_its_own_code(reduce, dl2, changes):
    code, report = reduce(dl2(**changes))
    assert code == ExitCode.NOTHING_LEFT
    assert "dl2_LST-1.Run00001.h5: no event is left after event filters" in report.reason


def test_a_missing_dl2_file_is_bad_input(reduce, tmp_path):
    code, report = reduce(tmp_path / "dl2_LST-1.Run00001.h5")
    assert code == ExitCode.BAD_INPUT
    assert "dl2_LST-1.Run00001.h5: not a readable DL2 file" in report.reason


def test_a_dl2_file_that_is_no_hdf5_is_bad_input(reduce, dl2):
    path = dl2()
    path.write_text("nonsense")
    code, report = reduce(path)
    assert code == ExitCode.BAD_INPUT
    assert "dl2_LST-1.Run00001.h5: not a readable DL2 file" in report.reason


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_dl2_file_is_bad_input(reduce, dl2, share):
    path = dl2()
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    code, report = reduce(path)
    assert code == ExitCode.BAD_INPUT
    assert "dl2_LST-1.Run00001.h5: not a readable DL2 file" in report.reason


def test_a_damaged_dl2_file_is_bad_input(reduce, dl2):
    path = dl2(intensity=np.random.default_rng(1).random(2000))
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes(64) + content[half + 64 :])
    code, report = reduce(path)
    assert code == ExitCode.BAD_INPUT
    assert "dl2_LST-1.Run00001.h5: not a readable DL2 file" in report.reason


@pytest.mark.parametrize("column", ["az_tel", "gammaness", "wl"])
def test_a_dl2_file_without_a_column_is_bad_input(reduce, dl2, column):
    code, report = reduce(dl2(without=[column]))
    assert code == ExitCode.BAD_INPUT
    assert "dl2_LST-1.Run00001.h5: not a readable DL2 file" in report.reason
    assert column in report.reason


def test_a_pointing_that_is_no_number_is_refused(reduce, dl2):
    code, report = reduce(dl2(alt_tel=np.nan))
    assert code == ExitCode.BAD_INPUT
    assert "no IRF for zenith nan deg" in report.reason


def test_a_missing_irf_is_bad_input(reduce, dl2, irfs, tmp_path):
    missing = irfs[0].model_copy(update={"path": tmp_path / "irf_missing.fits.gz"})
    code, report = reduce(dl2(), irfs=(missing, *irfs[1:]))
    assert code == ExitCode.BAD_INPUT
    assert "irf_missing.fits.gz: not a readable IRF" in report.reason


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"nonsense",
        lambda content: content[: len(content) // 2],
        lambda content: content[:2000] + bytes(64) + content[2064:],
        lambda content: gzip.compress(gzip.decompress(content)[:2880]),
    ],
    ids=["nonsense", "truncated", "overwritten", "without tables"],
)
def test_a_damaged_irf_is_bad_input(reduce, dl2, damaged_irfs, damage):
    irfs = damaged_irfs(damage)
    code, report = reduce(dl2(), irfs=irfs)
    assert code == ExitCode.BAD_INPUT
    assert f"{irfs[0].path}: not a readable IRF" in report.reason
