"""Random Forests of scikit-learn in a form that is memory-mapped and evaluated fast, with the very same results.

What this relies on, of scikit-learn's trees: events are float32 and compared with float64 thresholds, which may
therefore be rounded down to float32; a forest adds its trees up in float64, one after the other.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from foa.tree import sha256_of
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from foa_dl2_converter.walk import LANES, Nodes, add_up

FORMAT = 1
"""Of the files; part of their name."""
PARTS = ("nodes", "roots", "leaves")
LEAF = -1
"""scikit-learn's mark of a child that is none."""


class Unsupported(Exception):
    """A model that is no plain Random Forest; says why."""


@dataclass(frozen=True)
class Forest:
    """A forest, ready to be asked as scikit-learn's is: lstchain does not see the difference."""

    nodes: Nodes
    roots: npt.NDArray[np.int64]
    leaves: npt.NDArray[np.float64]
    threads: int = 1

    def predict(self, events: Any) -> npt.NDArray[np.float64]:
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
        sums = np.zeros((len(padded), self.leaves.shape[1]))
        share = -(-len(padded) // (self.threads * LANES)) * LANES
        with ThreadPoolExecutor(self.threads) as pool:
            list(
                pool.map(lambda i: self._add_up(padded[i : i + share], sums[i : i + share]), range(0, n_events, share))
            )
        means = sums[:n_events] / (len(self.roots) - 1)
        return means[:, 0] if means.shape[1] == 1 else means

    def _add_up(self, events: Nodes, sums: npt.NDArray[np.float64]) -> None:
        add_up(self.nodes, self.roots, self.leaves, events, sums)


@dataclass(frozen=True)
class Classifier(Forest):
    """A forest that says how likely each class is."""

    classes_: Sequence[int] = ()

    def predict_proba(self, events: Any) -> npt.NDArray[np.float64]:
        """Mean shares of the classes, (n_events, n_classes)."""
        return self.predict(events)


# lstchain asks which of the two it has
RandomForestClassifier.register(Classifier)


def order(values: npt.NDArray[np.float32]) -> Nodes:
    """Integers in the order of floats: they are compared with less effort, and share an array with indices.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("a feature of an event is not finite, or too large for float32")
    bits = (np.ascontiguousarray(values) + np.float32(0)).view(np.int32)  # −0 becomes 0
    return bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))


def flatten(model: Any) -> Forest:
    """Lay a forest out.

    Raises
    ------
    Unsupported
        If it is not a plain Random Forest of one target.
    """
    if type(model) not in (RandomForestRegressor, RandomForestClassifier):
        raise Unsupported(f"a {type(model).__name__}")
    if model.n_outputs_ != 1 and isinstance(model, RandomForestClassifier):
        raise Unsupported("a classifier of several targets")
    trees = [estimator.tree_ for estimator in model.estimators_]
    n_leaves = np.cumsum([0, *(tree.n_leaves for tree in trees)])
    parts = (
        np.concatenate([_nodes(tree, first) for tree, first in zip(trees, n_leaves, strict=False)]),
        np.cumsum([0, *(tree.node_count for tree in trees)]),
        np.concatenate([_leaves(tree) for tree in trees]),
    )
    if isinstance(model, RandomForestClassifier):
        return Classifier(*parts, classes_=tuple(int(label) for label in model.classes_))
    return Forest(*parts)


def _nodes(tree: Any, first_leaf: int) -> Nodes:
    is_leaf = tree.children_left == LEAF
    itself = np.arange(tree.node_count)
    thresholds = tree.threshold.astype(np.float32)
    thresholds = np.where(thresholds > tree.threshold, np.nextafter(thresholds, np.float32(-np.inf)), thresholds)
    columns = (
        np.where(is_leaf, first_leaf + np.cumsum(is_leaf) - 1, order(thresholds)),
        np.where(is_leaf, 0, tree.feature),
        np.where(is_leaf, itself, tree.children_left),
        np.where(is_leaf, itself, tree.children_right),
    )
    return np.stack(columns, axis=1).astype(np.int32).ravel()


def _leaves(tree: Any) -> npt.NDArray[np.float64]:
    """What the leaves say: means, or shares of the classes."""
    values = tree.value[tree.children_left == LEAF]
    return np.ascontiguousarray(values[:, 0] if values.shape[1] == 1 else values[:, :, 0], np.float64)


def load(model: Path, cache: Path, threads: int) -> Any:
    """The forest of a file, laid out and mapped; laid out now if nobody did before. Others as scikit-learn has them.

    What lies in the cache is known by the digest of the model's content and by the format, and gets its name when it is
    whole.
    """
    place = cache / f"{sha256_of(model)}-{FORMAT}"
    if not place.exists():
        content = joblib.load(model)
        try:
            _keep(flatten(content), place)
        except Unsupported:
            return content
    parts = {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in PARTS}
    classes = tuple(json.loads((place / "classes.json").read_text()))
    return Classifier(**parts, threads=threads, classes_=classes) if classes else Forest(**parts, threads=threads)


def _keep(forest: Forest, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=place.parent))
    try:
        for name in PARTS:
            _save(draft / f"{name}.npy", getattr(forest, name))
        (draft / "classes.json").write_text(json.dumps(forest.classes_ if isinstance(forest, Classifier) else []))
        draft.rename(place)
    except OSError:
        if not place.exists():  # else another job was quicker
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    """numpy.save, which on a full disk says nothing, or not why."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))
