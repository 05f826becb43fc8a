"""The synthetic night, whose models and DL1 events the tests use."""

import pandas as pd
import pytest
from lstchain.io.io import dl1_params_lstcam_key

from foa_testing.night.definition import LINES, RUNS, Layout


@pytest.fixture(scope="session")
def night(repository):
    layout = Layout(repository / "build/night")
    assert layout.truth.exists(), "no synthetic night: `make night` makes it"
    return layout


@pytest.fixture(scope="session")
def models(night):
    return night.models(LINES[1])


@pytest.fixture(scope="session")
def configuration(night):
    return night.config(LINES[1])


@pytest.fixture(scope="session")
def observed(night):
    """The first events of a run."""
    return pd.read_hdf(night.dl1(RUNS[0]), key=dl1_params_lstcam_key).head(300)
