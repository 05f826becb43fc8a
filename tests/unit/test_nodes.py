"""The MC nodes around a pointing."""

import numpy as np
import pytest

from foa_dl3_maker.nodes import Interpolated, Nearest, locate

NODES = np.array([[0.98, 0.77], [0.96, 0.61], [0.96, 0.92], [0.73, 0.88]])
NAMES = ("a", "b", "c", "d")


def test_a_pointing_between_nodes_is_interpolated_between_the_three_around_it():
    location = locate(np.array([0.90, 0.80]), NODES, NAMES)
    assert isinstance(location, Interpolated)
    assert len(location.nodes) == 3


def test_a_pointing_outside_goes_to_the_nearest_node_with_its_distance():
    assert locate(np.array([0.63, 0.88]), NODES, NAMES) == Nearest("d", pytest.approx(0.10))


@pytest.mark.parametrize(
    "nodes", [NODES[:1], NODES[:2], np.array([[0.9, 0.8], [0.8, 0.7], [0.7, 0.6]])]
)
def test_nodes_that_surround_nothing_offer_the_nearest(nodes):
    location = locate(np.array([0.9, 0.79]), nodes, NAMES[: len(nodes)])
    assert isinstance(location, Nearest)
