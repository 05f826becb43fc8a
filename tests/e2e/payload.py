"""Checksums of the products of a run tree, without what differs by when and where they were made.

Run in the dl2-converter's environment: `python payload.py TREE` prints them as JSON.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import tables
from astropy.io import fits


def of_table(rows):
    """Content of a structured array, column by column."""
    digest = hashlib.sha256()
    for name in sorted(rows.dtype.names):
        digest.update(name.encode() + np.ascontiguousarray(rows[name]).tobytes())
    return digest.hexdigest()


def of_hdf5(path):
    """Every table but those of provenance and configuration."""
    with tables.open_file(path) as file:
        return {
            node._v_pathname: of_table(node.read()) for node in file.walk_nodes("/dl2", "Table")
        }


def of_fits(path, wanted):
    """The tables of a FITS file, native byte order or not."""
    with fits.open(path) as hdus:
        return {hdu.name: of_table(np.asarray(hdu.data)) for hdu in hdus if wanted(hdu)}


def is_event_data(hdu):
    # lstchain 0.12.3 interpolates IRFs at the geomagnetic field of the moment: 1e-6 an hour
    return hdu.name in ("EVENTS", "GTI")


def main(tree):
    found = {}
    for path in sorted(tree.glob("work/dl2-converter/*/products/*.h5")):
        found[f"dl2 {path.name}"] = of_hdf5(path)
    for path in sorted(tree.glob("work/irf-node/*/products/*.fits.gz")):
        found[f"irf {path.name}"] = of_fits(path, lambda hdu: hdu.name != "PRIMARY")
    for path in sorted(tree.glob("work/dl3-maker/*/products/*.fits*")):
        found[f"dl3 {path.name}"] = of_fits(path, is_event_data)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
