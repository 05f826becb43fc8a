"""The dl3-maker's stage: lstchain_create_dl3_file with interpolated IRFs, and the index files."""

import json
import zlib
from pathlib import Path

import numpy as np
import tables
from ctapipe.core import run_tool
from lstchain.high_level import create_hdu_index_hdu, create_obs_index_hdu
from lstchain.high_level.interpolate import interp_params
from lstchain.io import EventSelector

from foa_dl3_maker.events import RunEvents, read_events
from foa_dl3_maker.irfs import PLANE, NodeIrf, read_irf
from foa_dl3_maker.nodes import Nearest, locate
from foa_dl3_maker.plan import Dl3Facts, Dl3Request
from foa_dl3_maker.reduction import Reduction
from foa_stage.event_filters import event_filters
from foa_stage.manifests import Product
from foa_stage.runner import BadInput, Stage, StageResult
from foa_stage.tree import Work, product_of

INDICES = {"hdu-index": create_hdu_index_hdu, "obs-index": create_obs_index_hdu}
"""Index files, and what writes them."""
ROUNDING = 1e-6
"""Interpolated cuts may be less than those of the nodes by some rounding of floats."""


def reduce(request: Dl3Request, work: Work) -> StageResult:
    """Make the event list of one run with the IRF of its pointing.

    Raises
    ------
    BadInput
        If the DL2 file or an IRF is not readable, or the pointing is too far from the nodes.
    NothingLeft
        If no event passes the event filters and gammaness cuts.
    """
    irfs = [_read_irf(request, irf.path) for irf in request.irfs]
    events = _read_events(request, irfs)
    irf_choice = _describe_irf(request, irfs, events)
    dl3 = _write_dl3(request, events, work)
    made_of = (request.dl2.sha256, *(irf.sha256 for irf in request.irfs))
    facts = Dl3Facts(irf_choice=irf_choice, made_of=made_of)
    return StageResult([dl3, *_write_indices(dl3.path)], facts.model_dump())


def _read_irf(request: Dl3Request, irf: Path) -> NodeIrf:
    try:
        return read_irf(irf)
    except (OSError, EOFError, LookupError, zlib.error) as error:
        raise _bad_input(request, f"{irf}: not a readable IRF", error) from error


def _read_events(request: Dl3Request, irfs: list[NodeIrf]) -> RunEvents:
    """Read the DL2 file; leave out only events that no IRF between the nodes would let pass.

    Interpolation is linear: no cut is looser than the loosest of the nodes.
    """
    loosest = min(irf.loosest_cut for irf in irfs) - ROUNDING
    filters = event_filters(request.dl3.min_intensity_pe) | {"gammaness": [loosest, np.inf]}
    dl2 = request.dl2.path
    try:
        return read_events(dl2, EventSelector(filters=filters))
    except (OSError, LookupError, tables.HDF5ExtError) as error:
        raise _bad_input(request, f"{dl2}: not a readable DL2 file", error) from error


def _bad_input(request: Dl3Request, fault: str, error: Exception) -> BadInput:
    return BadInput(f"run {request.obs_id}: {fault}: {type(error).__name__}: {error}")


def _describe_irf(request: Dl3Request, irfs: list[NodeIrf], events: RunEvents) -> str:
    """Say how lstchain will obtain the IRF; refuse a pointing too far from every node."""
    pointing = events.pointing
    names = tuple(irf.role.strip("_") for irf in request.irfs)
    nodes = np.array([irf.position for irf in irfs])
    location = locate(interp_params(PLANE, pointing), nodes, names)
    if not isinstance(location, Nearest):
        return f"interpolated between {', '.join(location.nodes)}"
    direction = f"zenith {pointing['ZEN_PNT']:.1f}, azimuth {pointing['AZ_PNT']:.1f}"
    _refuse_too_far(request, location, direction)
    distance = f"{location.node} at {location.distance:.3f}"
    return f"nearest: {distance}, since {direction} is outside the nodes"


def _refuse_too_far(request: Dl3Request, nearest: Nearest, direction: str) -> None:
    limit = request.dl3.max_node_distance
    if not nearest.distance <= limit:  # not a number, if the pointing is not
        raise BadInput(
            f"run {request.obs_id}: no IRF for {direction}: outside the MC nodes, and "
            f"{nearest.distance:.3f} from the nearest ({nearest.node}) in "
            f"(cos zenith, sin geomagnetic angle), more than {limit:g}"
        )


def _write_dl3(request: Dl3Request, events: RunEvents, work: Work) -> Product:
    """Write the DL3 file with lstchain's tool."""
    products, target, dl2 = work.products, request.target, request.dl2.path
    filters = event_filters(request.dl3.min_intensity_pe)
    config = products / "dl3.json"
    config.write_text(json.dumps({"EventSelector": {"filters": filters}}, indent=1))
    irfs = _gather(request.irfs, products / "irfs")
    source = ["--source-name", target.name, "--source-ra", f"{target.ra}deg"]
    source += ["--source-dec", f"{target.dec}deg"]
    files = ["-d", str(dl2), "-o", str(products), "-i", str(irfs), "-p", "*.fits.gz"]
    options = [*files, *source, "--config", str(config), "--overwrite"]
    reduction = Reduction(events)
    run_tool(reduction, argv=options, cwd=products)
    return product_of("dl3", reduction.output_file, len(reduction.data))


def _write_indices(dl3: Path) -> list[Product]:
    """Write the index files that Gammapy looks for."""
    indices = {name: dl3.with_name(f"{name}.fits.gz") for name in INDICES}
    for name, path in indices.items():
        INDICES[name]([dl3], path, overwrite=True)
    return [product_of(name, path) for name, path in indices.items()]


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
