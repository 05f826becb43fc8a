"""IRFs of the synthetic night's MC nodes, and small DL2 files that the tests write themselves."""

import json

import numpy as np
import pandas as pd
import pytest
from ctapipe.core import run_tool
from lstchain.io.io import dl2_params_lstcam_key, write_dataframe
from lstchain.tools.lstchain_create_irf_files import IRFFITSWriter

from foa_dl3_maker.plan import Dl3Request
from foa_dl3_maker.stage import STAGE
from foa_stage.event_filters import event_filters
from foa_stage.manifests import Product, canonical_json
from foa_stage.manifests.profile import Dl3
from foa_stage.runner import run_stage
from foa_stage.tree import RunTree, product_of
from foa_testing.fakes.factories import CRAB
from foa_testing.night.definition import LINES, Layout

N_EVENTS = 2000
FLAGS = ("--point-like", "--energy-dependent-gh", "--energy-dependent-theta")
SHOWER, PEDESTAL = 32, 2


@pytest.fixture(scope="session")
def night(repository):
    layout = Layout(repository / "build/night")
    assert layout.truth.exists(), "no synthetic night: `make night` makes it"
    return layout


@pytest.fixture(scope="session")
def irfs(night, tmp_path_factory):
    """IRFs of the three nodes of one declination line, by lstchain's tool."""
    directory = tmp_path_factory.mktemp("irfs")
    config = directory / "irf.json"
    config.write_text(json.dumps({"EventSelector": {"filters": event_filters(50)}}))
    line = LINES[1]

    def make(node):
        path = directory / f"irf_{node.name.strip('_')}.fits.gz"
        options = ["-g", night.testing_dl2(line, node), "-o", path, "--config", config, *FLAGS]
        run_tool(IRFFITSWriter(), argv=[str(option) for option in options], cwd=directory)
        return product_of(node.name, path)

    return tuple(make(node) for node in line.testing)


@pytest.fixture
def dl2(tmp_path):
    """Write a DL2 file whose events all point in one direction, but for some changed columns."""

    def write(zenith=28.6, azimuth=263.6, n_events=N_EVENTS, without=(), **changes):
        events = make_events(zenith, azimuth, n_events).assign(**changes)
        events = events.drop(columns=list(without))
        path = tmp_path / "dl2_LST-1.Run00001.h5"
        path.unlink(missing_ok=True)
        write_dataframe(events, path, dl2_params_lstcam_key)
        return path

    return write


@pytest.fixture
def ask(tmp_path, irfs):
    """Ask for a DL3 file; return the work."""

    def write(dl2, irfs=irfs, **settings):
        product = (
            product_of("dl2", dl2)
            if dl2.exists()
            else Product(role="dl2", path=dl2, size=1, sha256="0" * 64)
        )
        request = Dl3Request(obs_id=1, target=CRAB, dl2=product, irfs=irfs, dl3=Dl3(**settings))
        work = RunTree(tmp_path / "tree").work("dl3-maker", "key")
        work.directory.mkdir(parents=True, exist_ok=True)
        work.request.write_bytes(canonical_json(request))
        return work

    return write


@pytest.fixture
def reduce(ask):
    """Let the stage make a DL3 file; return its exit code and report."""

    def run(dl2, **request):
        work = ask(dl2, **request)
        return run_stage(STAGE, work.request), work.last_report()

    return run


def make_events(zenith, azimuth, n_events):
    """Make 1 kHz of events: of four, one passes every filter and cut, and three fail one each."""
    number = np.arange(n_events)
    delays = np.random.default_rng(0).exponential(1e-3, n_events) + 1e-5
    altitude, azimuth = np.radians(90 - zenith), np.radians(azimuth)
    return pd.DataFrame(
        {
            "event_id": number,
            "tel_id": 1,
            "event_type": np.where(number % 4 == 3, PEDESTAL, SHOWER),
            "dragon_time": 1733629200.0 + np.cumsum(delays),
            "delta_t": delays,
            "intensity": np.where(number % 4 == 2, 49.0, 200.0),
            "gammaness": np.where(number % 4 == 1, 0.0, 1.0),
            "reco_energy": 1.0,
            "width": 0.1,
            "length": 0.2,
            "wl": 0.5,
            "r": 0.5,
            "leakage_intensity_width_2": 0.0,
            "alt_tel": altitude,
            "az_tel": azimuth,
            "reco_alt": altitude + np.radians(0.4),
            "reco_az": azimuth,
        }
    )
