"""The dl3-maker's stage: lstchain_create_dl3_file with interpolated IRFs, and the index files."""

import gzip
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tables
from astropy.io import fits
from ctapipe.core import run_tool
from lstchain.high_level.interpolate import interp_params
from lstchain.io import read_data_dl2_to_QTable
from lstchain.tools.lstchain_create_dl3_file import DataReductionFITSWriter
from lstchain.tools.lstchain_create_dl3_index_files import FITSIndexWriter

from foa_dl3_maker.nodes import Array, Nearest, locate
from foa_dl3_maker.plan import Dl3Facts, Dl3Request
from foa_stage.event_filters import event_filters
from foa_stage.manifests import Product
from foa_stage.runner import BadInput, NothingLeft, Stage, StageResult
from foa_stage.tree import Work, product_of

PLANE = ["ZEN_PNT", "B_DELTA"]
"""Coordinates lstchain interpolates over: cos zenith, sin of the angle to the geomagnetic field."""
INDICES = ("hdu-index", "obs-index")


class Reduction(DataReductionFITSWriter):  # type: ignore[misc]  # lstchain has no types
    """lstchain_create_dl3_file, which by itself fails with an IndexError if no event is left."""

    def apply_srcindep_gh_cut(self) -> None:
        """Apply event filters and gammaness cuts.

        Raises
        ------
        NothingLeft
            If no event passes.
        """
        super().apply_srcindep_gh_cut()
        if not len(self.data):
            cuts = "event filters and gammaness cuts"
            raise NothingLeft(f"{self.input_dl2}: no event is left after {cuts}")


def reduce(request: Dl3Request, work: Work) -> StageResult:
    """Make the event list of one run with the IRF of its pointing.

    Raises
    ------
    BadInput
        If the DL2 file or an IRF is not readable, or the pointing is too far from the nodes.
    NothingLeft
        If no event passes the event filters and gammaness cuts.
    """
    irf_choice = _describe_irf(request)
    dl3 = _write_dl3(request, work)
    with fits.open(dl3) as hdus:
        n_events = len(hdus["EVENTS"].data)
    made_of = (request.dl2.sha256, *(irf.sha256 for irf in request.irfs))
    facts = Dl3Facts(irf_choice=irf_choice, made_of=made_of)
    indices = [product_of(name, work.products / f"{name}.fits.gz") for name in INDICES]
    return StageResult([product_of("dl3", dl3, n_events), *indices], facts.model_dump())


def _describe_irf(request: Dl3Request) -> str:
    """Say how lstchain will obtain the IRF; refuse a pointing too far from every node."""
    pointing = _read_pointing(request)
    nodes = np.array([_read_node(request, irf.path) for irf in request.irfs])
    names = tuple(irf.role.strip("_") for irf in request.irfs)
    location = locate(interp_params(PLANE, pointing), nodes, names)
    if not isinstance(location, Nearest):
        return f"interpolated between {', '.join(location.nodes)}"
    direction = f"zenith {pointing['ZEN_PNT']:.1f}, azimuth {pointing['AZ_PNT']:.1f}"
    _refuse_too_far(request, location, direction)
    distance = f"{location.node} at {location.distance:.3f}"
    return f"nearest: {distance}, since {direction} is outside the nodes"


def _read_pointing(request: Dl3Request) -> dict[str, Any]:
    """Read the mean pointing of a run, in lstchain's words."""
    dl2 = request.dl2.path
    try:
        _, pointing = read_data_dl2_to_QTable(dl2)
    except (OSError, KeyError, tables.HDF5ExtError) as error:
        raise _bad_input(request, f"{dl2}: not a readable DL2 file", error) from error
    return dict(pointing)


def _read_node(request: Dl3Request, irf: Path) -> Array:
    """Return the position of an IRF's node in the plane of interpolation.

    The file is read whole, so that gzip compares its checksum: FITS readers overlook missing HDUs.
    """
    try:
        content = gzip.decompress(irf.read_bytes())
        position = interp_params(PLANE, fits.getheader(io.BytesIO(content), 1))
    except (OSError, EOFError, LookupError, zlib.error) as error:
        raise _bad_input(request, f"{irf}: not a readable IRF", error) from error
    return np.asarray(position)


def _bad_input(request: Dl3Request, fault: str, error: Exception) -> BadInput:
    return BadInput(f"run {request.obs_id}: {fault}: {type(error).__name__}: {error}")


def _refuse_too_far(request: Dl3Request, nearest: Nearest, direction: str) -> None:
    limit = request.dl3.max_node_distance
    if nearest.distance > limit:
        raise BadInput(
            f"run {request.obs_id}: no IRF for {direction}: outside the MC nodes, and "
            f"{nearest.distance:.3f} from the nearest ({nearest.node}) in "
            f"(cos zenith, sin geomagnetic angle), more than {limit:g}"
        )


def _write_dl3(request: Dl3Request, work: Work) -> Path:
    """Write the DL3 file and its index files with lstchain's tools."""
    products, target, dl2 = work.products, request.target, request.dl2.path
    filters = event_filters(request.dl3.min_intensity_pe)
    config = products / "dl3.json"
    config.write_text(json.dumps({"EventSelector": {"filters": filters}}, indent=1))
    irfs = _gather(request.irfs, products / "irfs")
    source = ["--source-name", target.name, "--source-ra", f"{target.ra}deg"]
    source += ["--source-dec", f"{target.dec}deg"]
    files = ["-d", str(dl2), "-o", str(products), "-i", str(irfs), "-p", "*.fits.gz"]
    options = [*files, *source, "--config", str(config), "--overwrite"]
    run_tool(Reduction(), argv=options, cwd=products)
    dl3 = products / dl2.name.replace("dl2", "dl3").replace(".h5", ".fits")
    index_options = ["-d", str(products), "-o", str(products), "-p", dl3.name, "--overwrite"]
    run_tool(FITSIndexWriter(), argv=index_options, cwd=products)
    return dl3


def _gather(irfs: tuple[Product, ...], directory: Path) -> Path:
    """Link all IRFs into one directory, as the tool expects them."""
    directory.mkdir(exist_ok=True)
    for irf in irfs:
        link = directory / irf.path.name
        link.unlink(missing_ok=True)
        link.symlink_to(irf.path)
    return directory


STAGE = Stage(
    request=Dl3Request, make=reduce, distributions=("lstchain", "pyirf", "ctapipe", "numpy")
)
