"""The dl3-maker's stage: lstchain_create_dl3_file with interpolated IRFs, and the run's index files."""

import json
from pathlib import Path

import numpy as np
from astropy.io import fits
from ctapipe.core import run_tool
from foa.manifests import Product
from foa.science.selection import event_filters
from foa.stage import BadInput, NothingLeft, Outcome, run_stage
from foa.tree import product_of
from lstchain.high_level.interpolate import interp_params
from lstchain.io import read_data_dl2_to_QTable
from lstchain.tools.lstchain_create_dl3_file import DataReductionFITSWriter
from lstchain.tools.lstchain_create_dl3_index_files import FITSIndexWriter

from foa_dl3_maker.nodes import Nearest, locate
from foa_dl3_maker.plan import Dl3Facts, Dl3Request

PLANE = ["ZEN_PNT", "B_DELTA"]
"""What lstchain interpolates over: cos zenith and sin of the angle to the geomagnetic field."""


def main(request: Path) -> int:
    """Do one piece of work."""
    return run_stage(request, Dl3Request, reduce, ("lstchain", "pyirf", "ctapipe", "numpy"))


def reduce(work: Dl3Request, products: Path) -> Outcome:
    """DL2 → DL3 of one run."""
    irf_choice = _choose(work)
    config = products / "dl3.json"
    config.write_text(json.dumps({"EventSelector": {"filters": event_filters(work.dl3.min_intensity_pe)}}, indent=1))
    irfs = _gather(work.irfs, products / "irfs")
    target = work.target
    arguments = [
        "-d", work.dl2.path, "-o", products, "-i", irfs, "-p", "*.fits.gz", "--source-name", target.name,
        "--source-ra", f"{target.ra}deg", "--source-dec", f"{target.dec}deg", "--config", config, "--overwrite",
    ]  # fmt: skip
    run_tool(DataReductionFITSWriter(), argv=[str(argument) for argument in arguments], cwd=products)
    dl3 = products / work.dl2.path.name.replace("dl2", "dl3").replace(".h5", ".fits")
    run_tool(
        FITSIndexWriter(),
        argv=["-d", str(products), "-o", str(products), "-p", dl3.name, "--overwrite"],
        cwd=products,
    )
    with fits.open(dl3) as hdus:
        n_events = len(hdus["EVENTS"].data)
    if not n_events:
        raise NothingLeft(f"run {work.obs_id}: no event is left after the gammaness cuts")
    facts = Dl3Facts(irf_choice=irf_choice, made_of=(work.dl2.sha256, *(irf.sha256 for irf in work.irfs)))
    indices = [product_of(name, products / f"{name}.fits.gz") for name in ("hdu-index", "obs-index")]
    return Outcome([product_of("dl3", dl3, n_events), *indices], facts.model_dump())


def _choose(work: Dl3Request) -> str:
    """How lstchain will obtain the IRF; refuses a pointing too far from every node."""
    try:
        _, pointing = read_data_dl2_to_QTable(work.dl2.path)
        nodes = np.array([interp_params(PLANE, fits.getheader(irf.path, 1)) for irf in work.irfs])
    except (OSError, KeyError) as error:
        raise BadInput(f"run {work.obs_id}: DL2 or IRF not readable: {type(error).__name__}: {error}") from error
    place = locate(interp_params(PLANE, pointing), nodes, tuple(irf.role.strip("_") for irf in work.irfs))
    if not isinstance(place, Nearest):
        return f"interpolated between {', '.join(place.nodes)}"
    limit = work.dl3.max_node_distance
    where = f"zenith {pointing['ZEN_PNT']:.1f}, azimuth {pointing['AZ_PNT']:.1f}"
    if place.distance > limit:
        raise BadInput(
            f"run {work.obs_id}: no IRF for {where}: outside the MC nodes, and {place.distance:.3f} from the nearest "
            f"({place.node}) in (cos zenith, sin geomagnetic angle), more than {limit:g}"
        )
    return f"nearest: {place.node} at {place.distance:.3f}, since {where} is outside the nodes"


def _gather(irfs: tuple[Product, ...], directory: Path) -> Path:
    """One directory with all IRFs, as the tool wants them."""
    directory.mkdir(exist_ok=True)
    for irf in irfs:
        link = directory / irf.path.name
        link.unlink(missing_ok=True)
        link.symlink_to(irf.path)
    return directory
