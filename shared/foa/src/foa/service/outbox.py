"""Manifests on their way to the bus: kept in the tree until the bus has confirmed them."""

import threading
from typing import Any

from foa.bus import Bus
from foa_stage.manifests import Manifest
from foa_stage.tree import Mailbox


class Outbox:
    """Publishes what a service announces; what the bus does not take is sent later."""

    def __init__(self, mailbox: Mailbox, bus: Bus, log: Any) -> None:
        self._mailbox, self._bus, self._log = mailbox, bus, log
        self._sending = threading.Lock()

    def put(self, manifest: Manifest) -> None:
        """Keep a manifest until it is sent."""
        self._mailbox.put(manifest)

    def send(self) -> None:
        """Publish all manifests; stop at the first that the bus does not take."""
        with self._sending:  # a source publishes and resends in two threads
            for manifest in self._mailbox.all():
                if not self._publish(manifest):
                    return
                self._mailbox.remove(manifest)

    def _publish(self, manifest: Manifest) -> bool:
        try:
            self._bus.publish(manifest)
        except ConnectionError as error:
            self._log.warning("not sent", kind=manifest.kind, reason=str(error))
            return False
        return True
