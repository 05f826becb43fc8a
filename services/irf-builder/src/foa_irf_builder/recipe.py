"""The recipe of an IRF: everything but the test MC that determines it."""

from pathlib import Path
from typing import Any, Self

from foa_irf_builder.plan import IrfRequest
from foa_stage.event_filters import event_filters
from foa_stage.manifests import Frozen, TestNode, digest
from foa_stage.runner import versions_of
from foa_stage.tree import digest_of_sources

FLAGS = ("--point-like", "--energy-dependent-gh", "--energy-dependent-theta")
"""Flags of lstchain's example of a quick-look analysis."""
SOFTWARE = ("lstchain", "pyirf", "ctapipe")
"""Distributions that make IRFs."""


class Recipe(Frozen):
    """Configuration, flags and software that turn a node's test MC into its IRF."""

    config: dict[str, Any]
    """Configuration of lstchain_create_irf_files."""
    flags: tuple[str, ...]
    versions: dict[str, str]
    sources: dict[str, str]
    """SHA-256 of the files of this package."""

    @classmethod
    def of(cls, request: IrfRequest) -> Self:
        """Return the recipe of a request with the software that is installed."""
        return cls(
            config=tool_config(request),
            flags=FLAGS,
            versions=versions_of(*SOFTWARE),
            sources=digest_of_sources(Path(__file__).parent),
        )

    def key(self, node: TestNode) -> str:
        """Return the key of the work of making a node's IRF by this recipe."""
        return digest({"recipe": dict(self), "dl2": node.dl2.model_dump(mode="json")})


def tool_config(request: IrfRequest) -> dict[str, Any]:
    """Return the configuration of lstchain_create_irf_files, in its own terms."""
    return {
        "EventSelector": {"filters": event_filters(request.min_intensity_pe)},
        "DL3Cuts": _cuts(request),
        "DataBinning": _binning(request),
    }


def _cuts(request: IrfRequest) -> dict[str, Any]:
    irf = request.irf
    narrow, wide = irf.theta_range_deg
    return {
        "min_event_p_en_bin": irf.min_events_per_energy_bin,
        "gh_efficiency": irf.gh_efficiency,
        "min_gh_cut": 0.1,
        "max_gh_cut": irf.max_gh_cut,
        "theta_containment": irf.theta_containment,
        "min_theta_cut": narrow,
        "max_theta_cut": wide,
        "fill_theta_cut": wide,
        "allowed_tels": [1],
    }


def _binning(request: IrfRequest) -> dict[str, Any]:
    """Return the same bins for true and reconstructed energies."""
    low, high = request.irf.energy_range_tev
    limits = {"min": low, "max": high, "n_bins": request.irf.n_energy_bins}
    return {
        f"{axis}_energy_{name}": value
        for axis in ("true", "reco")
        for name, value in limits.items()
    }
