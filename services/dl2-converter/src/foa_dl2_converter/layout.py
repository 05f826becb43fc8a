"""Random Forests laid out flat in files that all jobs of a host map into memory and share."""

import json
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from foa_dl2_converter.forest import Classifier, Forest, order
from foa_dl2_converter.walk import (
    FEATURES,
    FIRST,
    LEFT,
    PARTING,
    STOP,
    THRESHOLD,
    Nodes,
    Values,
)
from foa_stage.tree import sha256_of

FORMAT = 3
"""Version of the format of the files; part of their directory's name."""
PARTS = ("nodes", "roots", "values")
MAX_FEATURES, MAX_NODES = int(FEATURES) - FIRST + 1, 1 << int(THRESHOLD - LEFT)
"""Largest numbers of a forest's features and of a tree's nodes that fit in the bits of a node."""
LEAF = -1
"""scikit-learn's mark of a child that does not exist."""


class Unsupported(Exception):
    """The model is no plain Random Forest; the message says why."""


def flatten(model: Any) -> Forest:
    """Lay a forest of scikit-learn out flat.

    Raises
    ------
    Unsupported
        If it is not a plain Random Forest of one target.
    """
    trees = _supported_trees(model)
    rows = np.cumsum([0, *(tree.n_leaves for tree in trees)])
    nodes = np.concatenate([_nodes(tree, row) for tree, row in zip(trees, rows, strict=False)])
    values = np.concatenate([_values(tree) for tree in trees])
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])
    if not isinstance(model, RandomForestClassifier):
        return Forest(nodes, roots, values)
    classes = tuple(int(label) for label in model.classes_)
    return Classifier(nodes, roots, values, classes_=classes)


def _supported_trees(model: Any) -> list[Any]:
    """Return the trees of a forest that can be laid out."""
    if type(model) not in (RandomForestRegressor, RandomForestClassifier):
        raise Unsupported(f"a {type(model).__name__}")
    if model.n_outputs_ != 1 and isinstance(model, RandomForestClassifier):
        raise Unsupported("a classifier of several targets")
    trees = [estimator.tree_ for estimator in model.estimators_]
    sizes = [tree.node_count for tree in trees]
    if model.n_features_in_ > MAX_FEATURES or max(sizes) > MAX_NODES or sum(sizes) > PARTING:
        raise Unsupported("a forest of too many features, or of too large trees")
    return trees


def _nodes(tree: Any, row: int) -> Nodes:
    """Return nodes with siblings side by side, in the order of their parents.

    `row` is the row of the first leaf's values.
    """
    is_leaf = _is_leaf(tree)
    children = np.stack([tree.children_left, tree.children_right], axis=1)[~is_leaf]
    position = np.empty(tree.node_count, np.int64)
    position[np.concatenate([[0], children.ravel()])] = np.arange(tree.node_count)
    content = order(_round_down(tree.threshold)).astype(np.uint64)
    content[is_leaf] = np.arange(row, row + tree.n_leaves)
    left = np.where(is_leaf, position, position[tree.children_left]).astype(np.uint64)
    feature = np.where(is_leaf, STOP, FIRST + tree.feature).astype(np.uint64)
    nodes = np.empty(tree.node_count, np.uint64)
    nodes[position] = (content << THRESHOLD) | (left << LEFT) | feature
    return nodes


def _values(tree: Any) -> Values:
    """Return the values of the leaves, (n_leaves, n_outputs)."""
    leaves: Values = tree.value[_is_leaf(tree)]
    return leaves.reshape(len(leaves), -1)


def _is_leaf(tree: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(tree.children_left == LEAF)


def _round_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def load(model: Path, cache: Path, lock: "Lock | None" = None) -> Any:
    """Return the forest of a file, laid out and mapped; lay it out first if the cache lacks it.

    A directory of the cache is named by the SHA-256 of the model's content and by the format. It
    gets its name when it is whole, and is made again if its own digests do not agree. A model
    that is no plain Random Forest is returned as scikit-learn has it.

    Parameters
    ----------
    model
        Model written by joblib.
    cache
        Directory of what has been laid out.
    lock
        Lock that callers of the forest hold; released while events go through the trees.
    """
    directory = cache / f"{sha256_of(model)}-{FORMAT}"
    if not _intact(directory):
        content = joblib.load(model)
        try:
            _keep(flatten(content), directory)
        except Unsupported:
            return content
    nodes, roots, values = (np.load(_part(directory, name), mmap_mode="r") for name in PARTS)
    classes = tuple(json.loads(_facts(directory).read_text())["classes"])
    if not classes:
        return Forest(nodes, roots, values, lock)
    return Classifier(nodes, roots, values, lock, classes_=classes)


def _part(directory: Path, name: str) -> Path:
    return directory / f"{name}.npy"


def _facts(directory: Path) -> Path:
    return directory / "facts.json"


def _intact(directory: Path) -> bool:
    try:
        digests = json.loads(_facts(directory).read_text())["sha256"]
        return all(sha256_of(_part(directory, name)) == digests[name] for name in PARTS)
    except (OSError, ValueError, KeyError):
        return False


def _keep(forest: Forest, directory: Path) -> None:
    """Write a forest to a draft, then give it its name; a damaged directory is replaced.

    If another job has written the same forest meanwhile, that one stays.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=directory.parent))
    try:
        digests = {name: _save(_part(draft, name), getattr(forest, name)) for name in PARTS}
        classes = forest.classes_ if isinstance(forest, Classifier) else ()
        _facts(draft).write_text(json.dumps({"classes": classes, "sha256": digests}))
        if not _intact(directory):
            shutil.rmtree(directory, ignore_errors=True)
        draft.rename(directory)
    except OSError:
        if not _intact(directory):
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _save(path: Path, array: npt.NDArray[Any]) -> str:
    """Write an array and return the digest of the file.

    On a full disk numpy.save does not fail, or does not say why; this raises OSError.
    """
    header = np.lib.format.header_data_from_array_1_0(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.data)
    return sha256_of(path)
