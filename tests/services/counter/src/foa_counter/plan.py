"""What the counter decides: every result is counted once."""

from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import AnalysisReady, Frozen, Manifest, Product
from foa_stage.tree import Report, RunTree


class CountRequest(Frozen):
    """The request to the stage."""

    products: tuple[Product, ...]


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Ask for the count of a result's products."""
    assert isinstance(manifest, AnalysisReady)
    return JobSpec(CountRequest(products=manifest.products))


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Announce nothing."""
    return []
