"""Astropy without the network, for parts of the synthetic night."""

import pytest
from astropy.utils import iers

from foa_testing.night.definition import Layout


@pytest.fixture(autouse=True)
def _offline():
    with iers.conf.set_temp("auto_download", False):
        yield


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)
