"""The irf-builder's stage: lstchain_create_irf_files for every node that has no IRF yet."""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import tables
from astropy.io import fits
from ctapipe.core import run_tool
from lstchain.tools.lstchain_create_irf_files import IRFFITSWriter

from foa_irf_builder.plan import IrfRequest, nodes_at_once
from foa_irf_builder.recipe import SOFTWARE, Recipe
from foa_stage.manifests import TestNode
from foa_stage.runner import BadInput, Stage, StageResult
from foa_stage.tree import Report, Work, product_of

NODE = "irf-node"
"""Name of the stage whose works are the IRFs of single nodes."""


def build(request: IrfRequest, work: Work) -> StageResult:
    """Make the IRFs of all nodes, side by side on the cores of the job.

    The IRF of a node is a piece of work of its own, so sets that share a node share its IRF.

    Raises
    ------
    BadInput
        If a node's DL2 file is missing, or no IRF can be made of it.
    """
    recipe = Recipe.of(request)
    config = work.products / "irf.json"
    config.write_text(json.dumps(recipe.config, indent=1))
    parts = {node: work.part(NODE, recipe.key(node)) for node in request.nodes}
    done = {node: report for node, part in parts.items() if (report := part.report())}
    missing = {node: part for node, part in parts.items() if node not in done}
    if missing:
        at_once = nodes_at_once(missing, work.resources())
        done |= _build_nodes(missing, at_once, partial(_build_node, config, recipe.flags))
    irfs = [product for node in request.nodes for product in done[node].products]
    return StageResult(irfs, {"built": len(missing), "nodes": len(irfs)})


def _build_nodes(
    parts: dict[TestNode, Work], at_once: int, build_node: Callable[[TestNode, Work], Report]
) -> dict[TestNode, Report]:
    """Make the IRFs of nodes in forked processes: importing lstchain takes longer than one node.

    The first node in order that fails is reported; what has begun by then is finished, and kept.
    """
    with ProcessPoolExecutor(at_once, get_context("fork")) as pool:
        return dict(zip(parts, pool.map(build_node, parts, parts.values()), strict=True))


def _build_node(config: Path, flags: tuple[str, ...], node: TestNode, part: Work) -> Report:
    dl2 = node.dl2.path
    _check(dl2)
    part.products.mkdir(parents=True, exist_ok=True)
    irf = part.products / f"irf_{node.name.strip('_')}.fits.gz"
    options = ["-g", str(dl2), "-o", str(irf), "--config", str(config), *flags, "--overwrite"]
    try:
        run_tool(IRFFITSWriter(), argv=options, cwd=part.products)
        with fits.open(irf) as hdus:
            hdus.verify("exception")
    except (tables.HDF5ExtError, LookupError, ValueError, fits.VerifyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadInput(f"{dl2}: no IRF can be made of it: {reason}") from error
    report = Report(outcome="done", exit_code=0, products=(product_of(node.name, irf),))
    part.write_report(report)
    return report


def _check(dl2: Path) -> None:
    """Refuse a file that cannot be opened.

    An OSError later on has another cause, such as a full disk, and is left to the runner.
    """
    try:
        with tables.open_file(dl2):
            pass
    except (OSError, tables.HDF5ExtError) as error:
        raise BadInput(f"{dl2}: no IRF can be made of it: {error}") from error


STAGE = Stage(request=IrfRequest, make=build, distributions=(*SOFTWARE, "numpy"))
