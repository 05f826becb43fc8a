"""What a bus can do."""

from collections.abc import Callable
from typing import Protocol

from foa.manifests import Manifest

Handler = Callable[[Manifest], None]


class Bus(Protocol):
    """Delivers manifests, each at least once to every subscriber of its kind; duplicates are harmless by design."""

    def subscribe(self, kinds: tuple[str, ...], handler: Handler) -> None:
        """Call `handler` with every manifest of these kinds."""

    def publish(self, manifest: Manifest) -> None:
        """Say that something is now so."""
