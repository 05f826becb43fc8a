"""Whether the nodes of the MC can serve a pointing: a pure decision in lstchain's plane of interpolation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interpolated:
    """The pointing lies between the nodes."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Nearest:
    """The pointing lies outside the nodes, this far from the nearest."""

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
    """
    try:
        triangulation = Delaunay(nodes)
        simplex = int(triangulation.find_simplex(target))
        if simplex >= 0:
            return Interpolated(tuple(names[corner] for corner in triangulation.simplices[simplex]))
    except (QhullError, ValueError):
        pass  # too few nodes, or all on one line: none surrounds anything
    distances = np.linalg.norm(nodes - target, axis=1)
    nearest = int(distances.argmin())
    return Nearest(names[nearest], float(distances[nearest]))
