"""Manifests on their way to the bus: kept in the tree until the bus has confirmed them."""

import threading
from collections.abc import Iterable
from typing import Any

from foa.bus import Bus
from foa_stage.manifests import Manifest
from foa_stage.tree import Mailbox

LOT = 100
"""Manifests that are published together: one answer of the bus is waited for."""


class Outbox:
    """Publishes what a service announces; what the bus does not take is sent later."""

    def __init__(self, mailbox: Mailbox, bus: Bus, log: Any) -> None:
        self._mailbox, self._bus, self._log = mailbox, bus, log
        self._sending = threading.Lock()

    def put_all(self, manifests: Iterable[Manifest]) -> None:
        """Keep several manifests until they are sent, in this order."""
        for manifest in manifests:
            self._mailbox.put(manifest)

    def send(self) -> None:
        """Publish all manifests in lots; stop at the first lot that the bus does not take."""
        with self._sending:  # a source publishes and resends in two threads
            waiting = self._mailbox.all()
            for first in range(0, len(waiting), LOT):
                if not self._publish(waiting[first : first + LOT]):
                    return

    def _publish(self, lot: list[Manifest]) -> bool:
        try:
            self._bus.publish_all(lot, self._mailbox.remove)
        except ConnectionError as error:
            kinds = sorted({manifest.kind for manifest in lot})
            self._log.warning("not sent", kinds=kinds, reason=str(error))
            return False
        return True
