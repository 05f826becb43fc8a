"""The walk of events through the trees of a forest: the inner loop of DL1 → DL2."""

import numba
import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.int64]
Events = npt.NDArray[np.int32]

NODES = numba.types.Array(numba.int64, 1, "C", readonly=True)
EVENTS = numba.types.Array(numba.int32, 2, "C", readonly=True)
VALUES = numba.types.Array(numba.float64, 2, "C", readonly=True)
LANES = 8
"""Events that go through a tree together: while one waits for its next node, the others go on."""
THRESHOLD, LEFT = 32, 8
"""Lowest bit of a node's threshold and of its left child, whose neighbour the right one is; below: the feature."""


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _step(tree: Nodes, event: Events, at: np.uint32) -> np.uint32:
    """The child an event goes to, without a branch that the processor could guess wrong; a leaf is its own child."""
    node = tree[at]
    right = event[np.uint32(node & 255)] > np.int32(node >> THRESHOLD)
    return (np.uint32(node) >> np.uint32(LEFT)) + np.uint32(right)


@numba.njit(numba.int32[:](NODES, EVENTS), nogil=True, cache=True)  # type: ignore[untyped-decorator]
def reach(tree: Nodes, events: Events) -> npt.NDArray[np.int32]:
    """The node where each event ends in one tree, (n_events,)."""
    ends = np.empty(len(events), np.int32)
    for i in range(len(events)):
        at, child = np.uint32(0), _step(tree, events[i], np.uint32(0))
        while child != at:
            at, child = child, _step(tree, events[i], child)
        ends[i] = at
    return ends


@numba.njit(numba.void(NODES, NODES, VALUES, EVENTS, numba.float64[:, ::1]), nogil=True, cache=True)  # type: ignore[untyped-decorator]
def add_up(nodes: Nodes, roots: npt.NDArray[np.int64], values: npt.NDArray[np.float64], events: Events,
           sums: npt.NDArray[np.float64]) -> None:  # fmt: skip
    """Add what every tree says of every event, tree by tree: in the order of scikit-learn, hence to the last bit.

    Parameters
    ----------
    nodes
        (n_nodes,): threshold, left child within the tree and feature of each, in one number.
    roots
        (n_trees + 1,): where trees begin and end.
    values
        (n_nodes, n_outputs): what leaves say.
    events
        (n_events, n_features), ordered like the thresholds; the number of events is a multiple of `LANES`.
    sums
        (n_events, n_outputs), added to.
    """
    for number in range(len(roots) - 1):
        tree = nodes[roots[number] : roots[number + 1]]
        says = values[roots[number] : roots[number + 1]]
        for i in range(0, len(events), LANES):
            a = b = c = d = e = f = g = h = np.uint32(0)
            moved = True
            while moved:
                a1, b1 = _step(tree, events[i], a), _step(tree, events[i + 1], b)
                c1, d1 = _step(tree, events[i + 2], c), _step(tree, events[i + 3], d)
                e1, f1 = _step(tree, events[i + 4], e), _step(tree, events[i + 5], f)
                g1, h1 = _step(tree, events[i + 6], g), _step(tree, events[i + 7], h)
                moved = ((a ^ a1) | (b ^ b1) | (c ^ c1) | (d ^ d1) | (e ^ e1) | (f ^ f1) | (g ^ g1) | (h ^ h1)) != 0
                a, b, c, d, e, f, g, h = a1, b1, c1, d1, e1, f1, g1, h1
            for j, at in enumerate((a, b, c, d, e, f, g, h)):
                for k in range(sums.shape[1]):
                    sums[i + j, k] += says[at, k]
