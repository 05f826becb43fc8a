"""Random Forests of scikit-learn laid out flat and evaluated fast, with the very same results.

What this relies on, of scikit-learn's trees: events are float32 and compared with float64 thresholds, which may
therefore be rounded down to float32; a forest adds its trees up in float64, one after the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from foa_dl2_converter.walk import LANES, Events, Nodes, add_up, reach

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Forest:
    """A forest, ready to be asked as scikit-learn's is: lstchain does not see the difference."""

    nodes: Nodes
    roots: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    turn: "Lock | None" = None
    """Held by who asks; passed on while trees are walked."""

    def predict(self, events: Any) -> Sums:
        """Mean of the trees for table or array of shape (n_events, n_features): (n_events,) or (n_events, n_outputs).

        Raises
        ------
        ValueError
            If a value is not finite as float32; scikit-learn refuses it as well.
        """
        ordered = order(np.asarray(events, dtype=np.float32))
        n_events = len(ordered)
        padded = np.zeros((-(-n_events // LANES) * LANES, ordered.shape[1]), np.int32)
        padded[:n_events] = ordered
        with _passed_on(self.turn):
            means = self._walk(padded)[:n_events] / (len(self.roots) - 1)
        return means[:, 0] if means.shape[1] == 1 else means

    def _walk(self, events: Events) -> Sums:
        """Events that end side by side in the first tree go together through the others, where their ways are alike."""
        together = np.argsort(reach(self.nodes[: self.roots[1]], events))
        of_sorted = np.zeros((len(events), self.values.shape[1]))
        add_up(self.nodes, self.roots, self.values, events[together], of_sorted)
        sums = np.empty_like(of_sorted)
        sums[together] = of_sorted
        return sums


@dataclass(frozen=True)
class Classifier(Forest):
    """A forest that says how likely each class is."""

    classes_: tuple[int, ...] = ()

    def predict_proba(self, events: Any) -> Sums:
        """Mean shares of the classes, (n_events, n_classes)."""
        return self.predict(events)


# lstchain asks which of the two it has
RandomForestClassifier.register(Classifier)


@contextmanager
def _passed_on(turn: "Lock | None") -> Iterator[None]:
    """While this lasts, it is another thread's turn."""
    if turn is None:
        yield
        return
    turn.release()
    try:
        yield
    finally:
        turn.acquire()


def order(values: npt.NDArray[np.float32]) -> Events:
    """Integers in the order of floats, which share a node with others.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("a feature of an event is not finite, or too large for float32")
    bits = (np.ascontiguousarray(values) + np.float32(0)).view(np.int32)  # −0 becomes 0
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
