"""The MC nodes around a pointing, in the plane that lstchain interpolates over."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interpolated:
    """The pointing lies between these nodes."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Nearest:
    """The pointing lies outside the nodes, at this distance from the nearest."""

    node: str
    distance: float


def locate(target: Array, nodes: Array, names: tuple[str, ...]) -> Interpolated | Nearest:
    """Find the nodes around a pointing, by the triangulation lstchain uses.

    Parameters
    ----------
    target
        Shape (2,): cos zenith and sin of the angle to the geomagnetic field.
    nodes
        Shape (n, 2), the same of every node.
    names
        Names of the nodes.
    """
    try:
        triangulation = Delaunay(nodes)
        simplex = int(triangulation.find_simplex(target))
        if simplex >= 0:
            return Interpolated(tuple(names[corner] for corner in triangulation.simplices[simplex]))
    except (QhullError, ValueError):
        pass  # fewer than three nodes, or all on one line: they surround nothing
    distances = np.linalg.norm(nodes - target, axis=1)
    nearest = int(distances.argmin())
    return Nearest(names[nearest], float(distances[nearest]))
