"""A service: what it consumes, what it plans, what it concludes."""

from collections.abc import Callable
from dataclasses import dataclass

from foa.jobs import JobSpec, Wait
from foa.manifests import Manifest
from foa.tree import Report, RunTree


@dataclass(frozen=True)
class Service:
    """One of the five. Everything else is in the loop, once."""

    name: str
    consumes: tuple[str, ...]
    """Kinds of manifests."""
    announces: tuple[str, ...]
    """Kinds of manifests."""
    plan: Callable[[Manifest, RunTree], JobSpec | Wait]
    """Pure: the work a manifest asks for."""
    conclude: Callable[[Manifest, Report], list[Manifest]]
    """Pure and total: what to announce once that work has ended."""
    stage: str
    """Module of the stage; its `main(request: Path) -> int` does the physics, in an environment of its own."""
    priority: int
    """Of its jobs among all: later stages first, so that the first run is through early."""
    per_run: bool = True
    """Whether a piece of its work concerns one run, or the request as a whole."""
