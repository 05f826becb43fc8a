"""The walk of events through the trees of a forest: the inner loop of DL1 → DL2."""

import numba
import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.int32]

MAPPED = [numba.types.Array(kind, n, "C", readonly=True) for kind, n in (
    (numba.int32, 1), (numba.int64, 1), (numba.float64, 2), (numba.int32, 2),
)]  # fmt: skip
LANES = 8
"""Events that go through a tree together: while one waits for its next node, the others go on."""


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _step(tree: Nodes, event: Nodes, node: np.uint32) -> np.uint32:
    """The child an event goes to, without a branch that the processor could guess wrong; a leaf is its own child."""
    at = node << np.uint32(2)
    right = event[np.uint32(tree[at + np.uint32(1)])] > tree[at]
    return np.uint32(tree[at + np.uint32(2) + np.uint32(right)])


@numba.njit(numba.void(*MAPPED, numba.float64[:, ::1]), nogil=True, cache=True)  # type: ignore[untyped-decorator]
def add_up(nodes: Nodes, roots: npt.NDArray[np.int64], leaves: npt.NDArray[np.float64], events: Nodes,
           sums: npt.NDArray[np.float64]) -> None:  # fmt: skip
    """Add what every tree says of every event, tree by tree: in the order of scikit-learn, hence to the last bit.

    Parameters
    ----------
    nodes
        Flat: for each node threshold (in a leaf: the row of its values), feature, left and right child within the tree.
    roots
        (n_trees + 1,): where trees begin and end.
    leaves
        (n_leaves, n_outputs).
    events
        (n_events, n_features), ordered like the thresholds; the number of events is a multiple of `LANES`.
    sums
        (n_events, n_outputs), added to.
    """
    for number in range(len(roots) - 1):
        tree = nodes[4 * roots[number] : 4 * roots[number + 1]]
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
            for j, node in enumerate((a, b, c, d, e, f, g, h)):
                leaf = tree[node << np.uint32(2)]
                for k in range(sums.shape[1]):
                    sums[i + j, k] += leaves[leaf, k]
