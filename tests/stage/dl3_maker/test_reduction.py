"""A DL3 file holds what lstchain's tool makes of the whole DL2 file, to the last bit."""

import json
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from ctapipe.core import run_tool
from lstchain.io import read_data_dl2_to_QTable
from lstchain.tools.lstchain_create_dl3_file import DataReductionFITSWriter

from foa_dl3_maker.events import CHUNK_EVENTS, mean_pointing
from foa_stage.jobs import ExitCode
from foa_testing.fakes.factories import CRAB

OF_THEIR_TIME = ("CREATED", "DATE")
"""Words of headers that say when the tool ran."""
OFFLINE = """
import os, sys
from foa_stage.runner import main
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname")
sys.addaudithook(lambda event, _: os._exit(99) if event in NETWORK else None)
main()
"""
FEW, MANY = 10_000, 500_000


def scatter(n_events, azimuth=263.6):
    """Return columns of a tracking telescope's events, on both sides of each filter and cut."""
    random = np.random.default_rng(1)
    track = np.linspace(-0.02, 0.02, n_events)
    altitude, azimuth = np.radians(61.4) + track, np.radians(azimuth) + track
    return {
        "event_type": random.choice([32, 2, 0], n_events, p=[0.9, 0.05, 0.05]),
        "intensity": 10 ** random.normal(2, 0.4, n_events),
        "width": np.where(random.random(n_events) < 0.01, np.nan, random.random(n_events)),
        "length": np.where(random.random(n_events) < 0.01, np.inf, random.random(n_events)),
        "wl": random.random(n_events),
        "r": random.normal(0.7, 0.2, n_events),
        "gammaness": random.random(n_events),
        "reco_energy": 10 ** random.normal(-1, 1, n_events),
        "alt_tel": altitude,
        "az_tel": azimuth,
        "reco_alt": altitude + random.normal(0, 0.01, n_events),
        "reco_az": azimuth + random.normal(0, 0.01, n_events),
    }


@pytest.fixture
def stock(tmp_path):
    """Let lstchain's tool make a DL3 file, with the configuration and IRFs of some work."""

    def run(dl2, products):
        target, files = CRAB, ["-d", dl2, "-o", tmp_path, "-i", products / "irfs", "-p", "*.gz"]
        source = ["--source-name", target.name, "--source-ra", f"{target.ra}deg"]
        source += ["--source-dec", f"{target.dec}deg", "--config", products / "dl3.json"]
        tool = DataReductionFITSWriter()
        run_tool(tool, argv=[str(word) for word in (*files, *source)], cwd=tmp_path)
        return tool.output_file

    return run


@pytest.fixture
def job(ask):
    """Let a process of its own make a DL3 file, which dies if it looks for the network."""

    def run(dl2):
        work = ask(dl2)
        command = [sys.executable, "-c", OFFLINE, "foa_dl3_maker.stage", str(work.request)]
        assert subprocess.run(command, check=False).returncode == ExitCode.DONE
        return work

    return run


def words_of(header):
    return {word: value for word, value in header.items() if word not in OF_THEIR_TIME}


def assert_same(ours, theirs):
    """Raise unless two FITS files have the same headers, but for the time, and the same bytes."""
    with fits.open(ours) as mine, fits.open(theirs) as his:
        assert [hdu.name for hdu in mine] == [hdu.name for hdu in his]
        for one, other in zip(mine, his, strict=True):
            assert words_of(one.header) == words_of(other.header)
            assert one.name == "PRIMARY" or one.data.tobytes() == other.data.tobytes()


@pytest.mark.parametrize("azimuth", [263.6, 359.9])
@pytest.mark.parametrize("n_events", [1000, 2 * CHUNK_EVENTS + 1000])
def test_a_dl3_file_is_that_of_lstchain(reduce, stock, dl2, n_events, azimuth):
    path = dl2(n_events=n_events, **scatter(n_events, azimuth))
    code, report = reduce(path, max_node_distance=1)
    assert code == ExitCode.DONE
    made = report.product("dl3")
    assert 0.05 < made.events / n_events < 0.5
    assert_same(made.path, stock(path, made.path.parent))


@pytest.mark.parametrize("azimuth", [-0.2, 0.2, 120, 263.6])
def test_the_mean_pointing_is_that_of_lstchain(dl2, azimuth):
    path = dl2(**scatter(2000, azimuth))
    events, pointing = read_data_dl2_to_QTable(path)
    mean = mean_pointing(*(events[f"pointing_{axis}"].value for axis in ("alt", "az")))
    assert mean == pointing


def test_memory_hardly_grows_with_the_events(job, dl2):
    unused = {f"unused_{number}": 0.0 for number in range(40)}

    def peak_mib(n_events):
        background = {"gammaness": np.where(np.arange(n_events) % 20, 0.0, 1.0)}
        path = dl2(n_events=n_events, **(scatter(n_events) | unused | background))
        return job(path).last_report().peak_memory_mib

    assert peak_mib(MANY) - peak_mib(FEW) < 150


def test_a_job_needs_no_network_and_lists_the_packages_once(job, dl2):
    (log,) = job(dl2()).products.glob("*.provenance.log")
    (activity,) = json.loads(log.read_text())
    assert activity["system"]["python"]["packages"]
