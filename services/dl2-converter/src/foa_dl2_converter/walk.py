"""The walk of events through the trees of a forest: the inner loop of DL1 → DL2."""

import numba
import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.uint64]
Roots = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Events = npt.NDArray[np.uint32]
Marks = npt.NDArray[np.uint8]

NODES = numba.types.Array(numba.uint64, 1, "C", readonly=True)
ROOTS = numba.types.Array(numba.int64, 1, "C", readonly=True)
VALUES = numba.types.Array(numba.float64, 2, "C", readonly=True)
EVENTS = numba.types.Array(numba.uint32, 2, "C", readonly=True)
FORK = numba.uint64[::1](NODES, ROOTS, numba.uint64, numba.uint32, numba.uint32)
ADD_UP = numba.void(NODES, ROOTS, VALUES, EVENTS, numba.float64[:, :, ::1])

THRESHOLD, LEFT = np.uint64(32), np.uint64(8)
"""Lowest bits of a tree node's threshold and of its left child; the feature lies below them.

The right child is the neighbour of the left one.  Children lie behind their parents.
"""
FEATURES, BELOW = np.uint64(255), np.uint64(0xFFFFFFFF)
"""Bits of the feature, and of everything below the threshold."""
STOP, FIRST = 0, 1
"""Columns of events: zeros, which exceed no threshold, and the first feature.

Tree nodes where events stop have the column of zeros for their feature.

A stop is its own left child. In place of the threshold a leaf has its row of the values, and a
fork, where events at two values of a feature part, has `PARTING` and its left child.
"""
PARTING = np.uint32(1 << 31)
BOTH, LOWER, UPPER = np.uint8(0), np.uint8(1), np.uint8(2)
"""Which of the two values events have that come to a tree node."""
BLOCK = 256
"""Events that go through a tree before the next ones do; they stay in the processor's cache."""
STEPS = 2
"""Steps before the one that tells which events have stopped; those are left out from then on."""
NUMBERS, PLACES, ENDS, PARTED, STARTS = range(5)
"""Rows of the working memory: events under way and where, where they stopped; those that part."""


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _left(node: np.uint64) -> np.uint64:
    return (node & BELOW) >> LEFT


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _step(tree: Nodes, event: Events, at: np.uint32) -> np.uint32:
    """Return the child an event goes to.

    There is no branch whose outcome the processor could mispredict.
    """
    node = tree[at]
    right = event[node & FEATURES] > np.uint32(node >> THRESHOLD)
    return np.uint32(_left(node)) + np.uint32(right)


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _visitors(tree: Nodes, feature: int, lower: np.uint32, upper: np.uint32) -> Marks:
    """Return which of two values of a feature lead to each tree node, (n_nodes,)."""
    visitors = np.full(len(tree), BOTH)
    for at in range(len(tree)):
        node, left = tree[at], _left(tree[at])
        if node & FEATURES == STOP:
            continue
        threshold = np.uint32(node >> THRESHOLD)
        visitors[left] = visitors[left + np.uint64(1)] = visitors[at]
        if node & FEATURES == feature and visitors[at] == BOTH and lower <= threshold < upper:
            visitors[left], visitors[left + np.uint64(1)] = LOWER, UPPER
    return visitors


@numba.njit(FORK, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fork(nodes: Nodes, roots: Roots, feature: int, lower: int, upper: int) -> Nodes:
    """Return the nodes of a forest for events at two values of a feature.

    Where a cut on the feature parts the two values, there is a fork; other cuts on it give way to
    the child that is next on the way.
    """
    forked = nodes.copy()
    for number in range(len(roots) - 1):
        tree = forked[roots[number] : roots[number + 1]]
        visitors = _visitors(tree, feature, lower, upper)
        for at in range(len(tree) - 1, -1, -1):
            node, left = tree[at], _left(tree[at])
            if node & FEATURES != feature:
                continue
            myself = np.uint64(at) << LEFT | np.uint64(STOP)
            threshold = np.uint32(node >> THRESHOLD)
            if visitors[at] == BOTH and lower <= threshold < upper:
                tree[at] = (left | np.uint64(PARTING)) << THRESHOLD | myself
                continue
            value = upper if visitors[at] == UPPER else lower
            child = tree[left + np.uint64(value > threshold)]
            stops = child & FEATURES == STOP
            tree[at] = child & ~BELOW | myself if stops else child
    return forked


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _descend(tree: Nodes, events: Events, work: Events, n_events: int) -> None:
    """Let the first events of the working memory go on from their places until each has stopped.

    Each step is a loop over independent events: while one waits for its tree node, the processor
    is at others. Several steps of one event in a row are slower.
    """
    numbers, places, ends = work[NUMBERS], work[PLACES], work[ENDS]
    while n_events:
        for _ in range(STEPS):
            for i in range(n_events):
                places[i] = _step(tree, events[numbers[i]], places[i])
        n_left = 0
        for i in range(n_events):
            number, at = numbers[i], places[i]
            child = _step(tree, events[number], at)
            ends[number] = child
            numbers[n_left], places[n_left] = number, child
            n_left += int(child != at)
        n_events = n_left


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _add_together(tree: Nodes, values: Values, work: Events, sums: Values) -> int:
    """Add the leaves that events reach with both values; return how many part on their way."""
    n_parted = 0
    for i in range(len(sums)):
        content = np.uint32(tree[work[ENDS, i]] >> THRESHOLD)
        parts = np.uint32(content >= PARTING)
        work[PARTED, n_parted], work[STARTS, n_parted] = i, content & ~PARTING
        n_parted += int(parts)
        # a zero changes no sum; a branch would often be mispredicted
        row, share = content * (np.uint32(1) - parts), np.float64(np.uint32(1) - parts)
        for k in range(sums.shape[2]):
            value = values[row, k] * share
            sums[i, 0, k] += value
            sums[i, 1, k] += value
    return n_parted


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _add_apart(
    tree: Nodes, values: Values, events: Events, work: Events, n_parted: int, sums: Values
) -> None:
    """Add the leaves that parted events reach with each of the values."""
    parted = work[PARTED, :n_parted]
    for side in range(2):
        for i in range(n_parted):
            work[NUMBERS, i], work[PLACES, i] = parted[i], work[STARTS, i] + side
        _descend(tree, events, work, n_parted)
        for number in parted:
            row = tree[work[ENDS, number]] >> THRESHOLD
            for k in range(sums.shape[2]):
                sums[number, side, k] += values[row, k]


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _add_tree(tree: Nodes, values: Values, events: Events, work: Events, sums: Values) -> None:
    """Add the leaves that a block of events reaches in one tree."""
    for i in range(len(events)):
        work[NUMBERS, i], work[PLACES, i] = i, 0
    _descend(tree, events, work, len(events))
    n_parted = _add_together(tree, values, work, sums)
    _add_apart(tree, values, events, work, n_parted, sums)


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
        (n_leaves, n_outputs).
    events
        (n_events, 1 + n_features), ordered like the thresholds; the first column is zero.
    sums
        (n_events, 2, n_outputs), added to: for the lower and for the upper value of the feature
        whose cuts are forks. They are equal where there is no fork.
    """
    work = np.empty((5, BLOCK), np.uint32)
    for number in range(len(roots) - 1):
        tree = nodes[roots[number] : roots[number + 1]]
        for i in range(0, len(events), BLOCK):
            _add_tree(tree, values, events[i : i + BLOCK], work, sums[i : i + BLOCK])
