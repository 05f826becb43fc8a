"""Hand requests to the daemons."""

import time

from foa import __version__
from foa.bus import Bus, BusAway
from foa.bus.rabbitmq.definitions import OPERATOR
from foa.errors import FoaError
from foa.intake.submission import submission
from foa.service.assembly import broker_of
from foa.site import Site
from foa_stage.manifests import Request
from foa_stage.tree import RunTree

PATIENCE_S = 15.0
"""For the connection to the broker."""


def submit(site: Site, requests: list[Request]) -> list[str]:
    """Hand requests to the daemons; return their ids.

    Raises
    ------
    FoaError
        If the broker does not take them.
    """
    bus = broker_of(site).connect(OPERATOR, __version__)
    bus.start()
    _wait_for(bus)
    try:
        return [_publish(bus, RunTree(site.tree), request) for request in requests]
    except BusAway as error:
        raise FoaError(f"not submitted: {error}") from error
    finally:
        bus.stop()


def _publish(bus: Bus, tree: RunTree, request: Request) -> str:
    manifest = submission(request, tree)
    tree.record(manifest)
    bus.publish(manifest)
    return manifest.request.id


def _wait_for(bus: Bus) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not bus.connected and time.monotonic() < deadline:
        time.sleep(0.05)
