"""What a service says: recorded in the tree, kept in the outbox, published once a turn."""

from collections.abc import Iterable
from typing import Any

from foa.bus import Bus
from foa.service.events import Announced, Observer
from foa.service.outbox import Outbox
from foa_stage.manifests import Manifest
from foa_stage.tree import Mailbox, RunTree


class Announcer:
    """Records and publishes the manifests of a service."""

    def __init__(
        self, tree: RunTree, mailbox: Mailbox, bus: Bus, observe: Observer, log: Any
    ) -> None:
        self._tree, self._bus, self._observe = tree, bus, observe
        self._outbox = Outbox(mailbox, bus, log)
        self._has_news = False
        """Whether anything was said since manifests were last sent."""

    def say(self, manifests: Iterable[Manifest], *, new: bool = False) -> None:
        """Record manifests, and have them published at the end of this turn.

        `new` tells that they follow from a job that has just ended.
        """
        said = list({one.id: one for one in manifests}.values())
        for manifest in said:
            self._tree.record(manifest)
        self._outbox.put_all(said)
        self._has_news = self._has_news or bool(said)
        for manifest in said if new else ():
            self._observe(Announced(manifest))

    def send(self) -> None:
        """Publish what is in the outbox; what the bus does not take stays there."""
        self._outbox.send()
        self._has_news = False

    def send_news(self) -> bool:
        """Publish if anything was said since the last time; tell whether it was."""
        if not (self._has_news and self._bus.connected):
            return False
        self.send()
        return True
