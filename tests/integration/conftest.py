"""Real servers for small work."""

import pytest


@pytest.fixture(scope="session")
def stack(raise_stack):
    return raise_stack(base_port=27000, n_nodes=3, cpus=8)
