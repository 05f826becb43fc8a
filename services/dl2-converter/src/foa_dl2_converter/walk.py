"""The walk of events through the trees of a forest: the inner loop of DL1 → DL2."""

import numba
import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.int64]
Roots = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Events = npt.NDArray[np.int32]

NODES = numba.types.Array(numba.int64, 1, "C", readonly=True)
EVENTS = numba.types.Array(numba.int32, 2, "C", readonly=True)
VALUES = numba.types.Array(numba.float64, 2, "C", readonly=True)
REACH = numba.int32[:](NODES, EVENTS)
ADD_UP = numba.void(NODES, NODES, VALUES, EVENTS, numba.float64[:, ::1])
LANES = 8
"""Events that go through a tree together: while one waits for its next node, the others go on."""
THRESHOLD, LEFT = 32, 8
"""Lowest bits of a node's threshold and of its left child; the feature lies below them.

The right child is the neighbour of the left one.
"""


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _step(tree: Nodes, event: Events, at: np.uint32) -> np.uint32:
    """Return the child an event goes to; a leaf is its own child.

    There is no branch whose outcome the processor could mispredict.
    """
    node = tree[at]
    right = event[np.uint32(node & 255)] > np.int32(node >> THRESHOLD)
    return (np.uint32(node) >> np.uint32(LEFT)) + np.uint32(right)


@numba.njit(REACH, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def reach(tree: Nodes, events: Events) -> npt.NDArray[np.int32]:
    """Return the node where each event ends in one tree, (n_events,)."""
    ends = np.empty(len(events), np.int32)
    for i in range(len(events)):
        at, child = np.uint32(0), _step(tree, events[i], np.uint32(0))
        while child != at:
            at, child = child, _step(tree, events[i], child)
        ends[i] = at
    return ends


@numba.njit(ADD_UP, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def add_up(nodes: Nodes, roots: Roots, values: Values, events: Events, sums: Values) -> None:
    """Add the values of the leaves that each event reaches, tree by tree.

    scikit-learn adds in the same order, so the sums are equal to the last bit.

    Parameters
    ----------
    nodes
        (n_nodes,): threshold, left child within the tree and feature of each, in one number.
    roots
        (n_trees + 1,): first node of each tree, and the number of nodes.
    values
        (n_nodes, n_outputs): values of the leaves.
    events
        (n_events, n_features), ordered like the thresholds; n_events is a multiple of `LANES`.
    sums
        (n_events, n_outputs), added to.
    """
    for number in range(len(roots) - 1):
        tree = nodes[roots[number] : roots[number + 1]]
        leaves = values[roots[number] : roots[number + 1]]
        for i in range(0, len(events), LANES):
            a = b = c = d = e = f = g = h = np.uint32(0)
            moved = True
            while moved:
                a1, b1 = _step(tree, events[i], a), _step(tree, events[i + 1], b)
                c1, d1 = _step(tree, events[i + 2], c), _step(tree, events[i + 3], d)
                e1, f1 = _step(tree, events[i + 4], e), _step(tree, events[i + 5], f)
                g1, h1 = _step(tree, events[i + 6], g), _step(tree, events[i + 7], h)
                differences = (a ^ a1) | (b ^ b1) | (c ^ c1) | (d ^ d1)
                moved = (differences | (e ^ e1) | (f ^ f1) | (g ^ g1) | (h ^ h1)) != 0
                a, b, c, d, e, f, g, h = a1, b1, c1, d1, e1, f1, g1, h1
            for j, at in enumerate((a, b, c, d, e, f, g, h)):
                for k in range(sums.shape[1]):
                    sums[i + j, k] += leaves[at, k]
