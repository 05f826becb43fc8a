"""The synthetic night, whose test MC the tests use."""

import pytest

from foa_stage.archive import stamp
from foa_stage.manifests import TestNode
from foa_testing.night.definition import LINES, Layout


@pytest.fixture(scope="session")
def night(repository):
    layout = Layout(repository / "build/night")
    assert layout.truth.exists(), "no synthetic night: `make night` makes it"
    return layout


@pytest.fixture(scope="session")
def nodes(night):
    """The MC nodes of one declination line."""
    line = LINES[1]
    files = {node.name: night.testing_dl2(line, node) for node in line.testing}
    return tuple(TestNode(name=name, dl2=stamp(path)) for name, path in files.items())
