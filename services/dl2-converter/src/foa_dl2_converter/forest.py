"""Random Forests of scikit-learn, laid out flat and evaluated fast with equal results.

This relies on two properties of scikit-learn: events are float32 and compared with float64
thresholds, which may therefore be rounded down to float32; and a forest adds up its trees in
float64, one after the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from foa_dl2_converter.walk import LANES, Events, Nodes, Roots, Values, add_up, reach


@dataclass(frozen=True)
class Forest:
    """A Random Forest with the methods of scikit-learn's that lstchain calls."""

    nodes: Nodes
    roots: Roots
    values: Values
    lock: "Lock | None" = None
    """Lock that the caller holds; released while events go through the trees."""

    def predict(self, events: Any) -> Values:
        """Return the mean of the trees.

        Parameters
        ----------
        events
            Table or array of shape (n_events, n_features).

        Returns
        -------
        means
            Shape (n_events,), or (n_events, n_outputs) where there are several outputs.

        Raises
        ------
        ValueError
            If a value is not finite as float32; scikit-learn refuses it as well.
        """
        ordered = order(np.asarray(events, dtype=np.float32))
        n_events = len(ordered)
        padded = np.zeros((-(-n_events // LANES) * LANES, ordered.shape[1]), np.int32)
        padded[:n_events] = ordered
        with _released(self.lock):
            means = self._walk(padded)[:n_events] / (len(self.roots) - 1)
        return means[:, 0] if means.shape[1] == 1 else means

    def _walk(self, events: Events) -> Values:
        """Sum the trees, with events that end side by side in the first tree next to each other.

        Their ways through the other trees are alike, which makes better use of the caches.
        """
        together = np.argsort(reach(self.nodes[: self.roots[1]], events))
        of_sorted = np.zeros((len(events), self.values.shape[1]))
        add_up(self.nodes, self.roots, self.values, events[together], of_sorted)
        sums = np.empty_like(of_sorted)
        sums[together] = of_sorted
        return sums


@dataclass(frozen=True)
class Classifier(Forest):
    """A forest that predicts the probability of each class."""

    classes_: tuple[int, ...] = ()

    def predict_proba(self, events: Any) -> Values:
        """Return the mean shares of the classes, (n_events, n_classes)."""
        return self.predict(events)


# lstchain tells classifiers by `isinstance`
RandomForestClassifier.register(Classifier)


@contextmanager
def _released(lock: "Lock | None") -> Iterator[None]:
    """Release a lock that this thread holds, and acquire it again at the end."""
    if lock is None:
        yield
        return
    lock.release()
    try:
        yield
    finally:
        lock.acquire()


def order(values: npt.NDArray[np.float32]) -> Events:
    """Map floats to integers of the same order, so that a node can hold its threshold as one.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("a feature of an event is not finite, or too large for float32")
    bits = (np.ascontiguousarray(values) + np.float32(0)).view(np.int32)  # −0 becomes 0
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))
