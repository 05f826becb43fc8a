"""Random Forests laid out flat, and kept in files that are memory-mapped: once for all jobs of a node."""

import json
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from foa.tree import sha256_of
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from foa_dl2_converter.forest import Classifier, Forest, order
from foa_dl2_converter.walk import LEFT, THRESHOLD, Nodes

FORMAT = 2
"""Of the files; part of their name."""
PARTS = ("nodes", "roots", "values")
MAX_FEATURES, MAX_NODES = 1 << LEFT, 1 << THRESHOLD - LEFT
"""That fit in a node."""
LEAF = -1
"""scikit-learn's mark of a child that is none."""


class Unsupported(Exception):
    """A model that is no plain Random Forest; says why."""


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
    if model.n_features_in_ > MAX_FEATURES or max(tree.node_count for tree in trees) > MAX_NODES:
        raise Unsupported("a forest of too many features, or of too large trees")
    laid_out = [_lay_out(tree) for tree in trees]
    parts = [np.concatenate(part) for part in zip(*laid_out, strict=True)]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])
    if isinstance(model, RandomForestClassifier):
        return Classifier(parts[0], roots, parts[1], classes_=tuple(int(label) for label in model.classes_))
    return Forest(parts[0], roots, parts[1])


def _lay_out(tree: Any) -> tuple[Nodes, npt.NDArray[np.float64]]:
    """Nodes with children side by side, in the order of their parents; and what the leaves say."""
    is_leaf = tree.children_left == LEAF
    children = np.stack([tree.children_left, tree.children_right], axis=1)[~is_leaf]
    place = np.empty(tree.node_count, np.int64)
    place[np.concatenate([[0], children.ravel()])] = np.arange(tree.node_count)
    # a leaf is its own left child, and no event goes right
    threshold = np.where(is_leaf, np.iinfo(np.int32).max, order(_round_down(tree.threshold)).astype(np.int64))
    left = np.where(is_leaf, place, place[tree.children_left])
    feature = np.where(is_leaf, 0, tree.feature)
    nodes, values = np.empty_like(place), np.empty((len(place), tree.value[0].size))
    nodes[place] = (threshold << THRESHOLD) | (left << LEFT) | feature
    values[place] = tree.value.reshape(values.shape)
    return nodes, values


def _round_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def load(model: Path, cache: Path, turn: "Lock | None" = None) -> Any:
    """The forest of a file, laid out and mapped; laid out now if nobody did before. Others as scikit-learn has them.

    What lies in the cache is known by the digest of the model's content and by the format, gets its name when it is
    whole, and is not taken if its own digests do not agree.
    """
    place = cache / f"{sha256_of(model)}-{FORMAT}"
    if not _intact(place):
        content = joblib.load(model)
        try:
            _keep(flatten(content), place)
        except Unsupported:
            return content
    nodes, roots, values = (np.load(_part(place, name), mmap_mode="r") for name in PARTS)
    classes = tuple(json.loads(_facts(place).read_text())["classes"])
    return Classifier(nodes, roots, values, turn, classes) if classes else Forest(nodes, roots, values, turn)


def _part(place: Path, name: str) -> Path:
    return place / f"{name}.npy"


def _facts(place: Path) -> Path:
    return place / "facts.json"


def _intact(place: Path) -> bool:
    try:
        digests = json.loads(_facts(place).read_text())["sha256"]
        return all(sha256_of(_part(place, name)) == digests[name] for name in PARTS)
    except (OSError, ValueError, KeyError):
        return False


def _keep(forest: Forest, place: Path) -> None:
    """Under another name until it is whole; then in the place of what is damaged, unless another job was quicker."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=place.parent))
    try:
        digests = {name: _save(_part(draft, name), getattr(forest, name)) for name in PARTS}
        classes = forest.classes_ if isinstance(forest, Classifier) else ()
        _facts(draft).write_text(json.dumps({"classes": classes, "sha256": digests}))
        if not _intact(place):
            shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    except OSError:
        if not _intact(place):
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _save(path: Path, array: npt.NDArray[Any]) -> str:
    """numpy.save, which on a full disk says nothing, or not why; returns the digest of the file."""
    header = np.lib.format.header_data_from_array_1_0(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.data)
    return sha256_of(path)
