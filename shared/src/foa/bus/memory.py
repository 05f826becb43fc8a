"""The bus of a laptop: one process, no broker. Messages travel as bytes, as they do over the wire."""

from collections import deque

from foa.bus.model import Handler
from foa.manifests import Manifest, read_manifest, write_manifest


class MemoryBus:
    """Delivers in order of publication, when told to."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[tuple[str, ...], Handler]] = []
        self._messages: deque[bytes] = deque()

    def subscribe(self, kinds: tuple[str, ...], handler: Handler) -> None:
        """Call `handler` with every manifest of these kinds."""
        self._subscribers.append((kinds, handler))

    def publish(self, manifest: Manifest) -> None:
        """Queue a manifest for delivery."""
        self._messages.append(write_manifest(manifest))

    def deliver(self) -> bool:
        """Deliver the oldest message to all its subscribers; whether there was one."""
        if not self._messages:
            return False
        manifest = read_manifest(self._messages.popleft())
        for kinds, handler in self._subscribers:
            if manifest.kind in kinds:
                handler(manifest)
        return True
