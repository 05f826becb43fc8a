"""Random Forests of scikit-learn, laid out flat and evaluated fast with equal results.

This relies on two properties of scikit-learn: events are float32 and compared with float64
thresholds, which may therefore be rounded down to float32; and a forest adds up its trees in
float64, one after the other.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from foa_dl2_converter.walk import FIRST, Events, Nodes, Roots, Values, add_up, fork


@dataclass(frozen=True)
class Forest:
    """A Random Forest with the methods of scikit-learn's that lstchain calls."""

    nodes: Nodes
    roots: Roots
    values: Values
    lock: "Lock | None" = None
    """Lock that the caller holds; released while events go through the trees."""
    altitude: int | None = None
    """Number of the feature that lstchain's interpolation in zenith replaces; None: it is off."""
    forked: dict[tuple[int, int], Nodes] = field(default_factory=dict)
    """Nodes for the last pair of altitudes."""
    later: list[Values] = field(default_factory=list)
    """Means for the call that follows."""

    def interpolating(self, altitude: int) -> Self:
        """Return the forest for one table of events.

        lstchain's `predict_with_zd_interpolation` calls it twice, with the altitude of the nearest
        training pointing and with that of the next one. Both altitudes have to follow the
        features in both calls: the first one evaluates the trees for both.
        """
        return replace(self, altitude=altitude, later=[])

    def predict(self, events: Any) -> Values:
        """Return the mean of the trees.

        Parameters
        ----------
        events
            Table or array of shape (n_events, n_features), or (n_events, n_features + 2) if the
            forest is interpolating.

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
        if not self.later:
            with _released(self.lock):
                self.later.extend(self._evaluate(ordered))
        means = self.later.pop(0)
        return means[:, 0] if means.shape[1] == 1 else means

    def _evaluate(self, ordered: Events) -> Iterable[Values]:
        """Return the means for this call and, if the forest is interpolating, for the next."""
        if self.altitude is None:
            return self._means(self.nodes, ordered)[:1]
        return self._interpolate(ordered[:, :-2], ordered[:, -2:])

    def _interpolate(self, features: Events, altitudes: Events) -> Values:
        """Return the means at the first and at the second altitude, (2, n_events, n_outputs)."""
        pairs = np.sort(altitudes, axis=1)
        means = np.empty((2, len(features), self.values.shape[1]))
        kinds, kind = np.unique(pairs.view(np.uint64).ravel(), return_inverse=True)
        for number in range(len(kinds)):
            group = kind == number
            lower, upper = (int(value) for value in pairs[group.argmax()])
            means[:, group] = self._means(self._nodes_at(lower, upper), features[group])
        descending = altitudes[:, 0] > altitudes[:, 1]
        means[:, descending] = means[::-1, descending]
        return means

    def _nodes_at(self, lower: int, upper: int) -> Nodes:
        """Return the nodes for two altitudes; a run has few pairs, one after the other."""
        nodes = self.forked.get((lower, upper))
        if nodes is None:
            nodes = fork(self.nodes, self.roots, FIRST + (self.altitude or 0), lower, upper)
            self.forked.clear()
            self.forked[lower, upper] = nodes
        return nodes

    def _means(self, nodes: Nodes, features: Events) -> Values:
        """Return the means at the lower and at the upper altitude, (2, n_events, n_outputs)."""
        events = np.zeros((len(features), FIRST + features.shape[1]), np.uint32)
        events[:, FIRST:] = features
        sums = np.zeros((len(features), 2, self.values.shape[1]))
        add_up(nodes, self.roots, self.values, events, sums)
        return sums.swapaxes(0, 1) / (len(self.roots) - 1)


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
    return (bits ^ ((bits >> 31) | np.int32(-(1 << 31)))).view(np.uint32)
