"""The irf-builder's stage: lstchain_create_irf_files for every node that has no IRF yet."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

from astropy.io import fits
from ctapipe.core import run_tool
from foa.manifests import Product, TestNode, digest
from foa.science.selection import event_filters
from foa.stage import BadInput, Outcome, run_stage
from foa.tree import Report, Work, product_of
from lstchain.tools.lstchain_create_irf_files import IRFFITSWriter

from foa_irf_builder.plan import IrfRequest

FLAGS = ("--point-like", "--energy-dependent-gh", "--energy-dependent-theta")
"""What lstchain's example of a quick-look analysis uses."""


def main(request: Path) -> int:
    """Do one piece of work."""
    return run_stage(request, IrfRequest, build, ("lstchain", "pyirf", "ctapipe", "numpy"))


def build(work: IrfRequest, products: Path) -> Outcome:
    """IRFs of all nodes in one process: importing lstchain costs more than one node.

    Nodes are pieces of work of their own, kept under `work/irf-node`: sets that share a node share its IRF.
    """
    config = products / "irf.json"
    config.write_text(json.dumps(tool_config(work), indent=1))
    nodes = products.parents[2] / "irf-node"
    built = 0
    irfs: list[Product] = []
    for node in work.nodes:
        place = _place(nodes, node, config)
        report = place.report()
        if report is None:
            report, built = _build_node(place, node, config), built + 1
        irfs += report.products
    return Outcome(irfs, {"built": built, "nodes": len(irfs)})


def _place(root: Path, node: TestNode, config: Path) -> Work:
    """Where the IRF of a node lies: named by all that determines it."""
    versions = {name: importlib.metadata.version(name) for name in ("lstchain", "pyirf")}
    key = digest({"dl2": node.dl2.model_dump(mode="json"), "config": config.read_text(), "versions": versions})
    return Work(root.name, key, root / key)


def _build_node(place: Work, node: TestNode, config: Path) -> Report:
    place.products.mkdir(parents=True, exist_ok=True)
    irf = place.products / f"irf_{node.name.strip('_')}.fits.gz"
    arguments = ["-g", node.dl2.path, "-o", irf, *FLAGS, "--config", config, "--overwrite"]
    try:
        run_tool(IRFFITSWriter(), argv=[str(argument) for argument in arguments], cwd=place.products)
        with fits.open(irf) as hdus:
            hdus.verify("exception")
    except (OSError, KeyError, IndexError, fits.VerifyError) as error:
        raise BadInput(f"{node.dl2.path}: no IRF can be made of it: {type(error).__name__}: {error}") from error
    report = Report(outcome="done", exit_code=0, products=(product_of(node.name, irf),))
    place.write_report(report)
    return report


def tool_config(work: IrfRequest) -> dict[str, Any]:
    """Configuration of lstchain_create_irf_files, in its own terms."""
    low, high = work.irf.energy_range_tev
    narrow, wide = work.irf.theta_range_deg
    binning = {"min": low, "max": high, "n_bins": work.irf.n_energy_bins}
    return {
        "EventSelector": {"filters": event_filters(work.min_intensity_pe)},
        "DL3Cuts": {
            "min_event_p_en_bin": work.irf.min_events_per_energy_bin, "gh_efficiency": work.irf.gh_efficiency,
            "min_gh_cut": 0.1, "max_gh_cut": work.irf.max_gh_cut, "theta_containment": work.irf.theta_containment,
            "min_theta_cut": narrow, "max_theta_cut": wide, "fill_theta_cut": wide, "allowed_tels": [1],
        },
        "DataBinning": {
            f"{axis}_energy_{name}": value for axis in ("true", "reco") for name, value in binning.items()
        },
    }  # fmt: skip
