"""What the choice of events and IRFs needs of the IRFs of the nodes."""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from lstchain.high_level.interpolate import interp_params

from foa_dl3_maker.nodes import Array

PLANE = ["ZEN_PNT", "B_DELTA"]
"""Coordinates lstchain interpolates over: cos zenith, sin of the angle to the geomagnetic field."""


@dataclass(frozen=True)
class NodeIrf:
    """The IRF of a node."""

    position: Array
    """In the plane of interpolation."""
    loosest_cut: float
    """Smallest gammaness that an event of any energy needs."""


def read_irf(path: Path) -> NodeIrf:
    """Read an IRF.

    The file is read whole, so that gzip compares its checksum: FITS readers overlook missing HDUs.

    Raises
    ------
    OSError, EOFError, LookupError, zlib.error
        If the file is not readable or lacks something.
    """
    with fits.open(io.BytesIO(gzip.decompress(path.read_bytes()))) as hdus:
        header = hdus[1].header
        cuts = header["GH_CUT"] if "GH_CUT" in header else hdus["GH_CUTS"].data["cut"]
        return NodeIrf(np.asarray(interp_params(PLANE, header)), float(np.nanmin(cuts)))
