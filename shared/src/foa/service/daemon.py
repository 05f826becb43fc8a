"""A service as a daemon: one process that consumes, submits, watches and publishes until it is told to stop."""

import importlib.metadata
import signal
import threading
import time

import structlog

from foa.bus.rabbitmq import RabbitBus
from foa.errors import FoaError
from foa.service.embedded import executor_of, software_of_service
from foa.service.loop import ServiceLoop, attempt_of
from foa.service.model import Service
from foa.site import Site
from foa.tree import RunTree

WAIT_S = 0.2
"""For a message, before endings are looked for."""
MESSAGES_PER_TURN = 20
"""However many messages there are, endings are looked for in between."""
SWEEP_S = 30.0
"""Between two attempts to send what is left in the outbox."""


def serve(service: Service, site: Site, stopping: threading.Event) -> None:
    """Run a service until `stopping` is set.

    Raises
    ------
    FoaError
        If the site names no broker.
    """
    if site.broker is None:
        raise FoaError(f"site {site.name} names no broker: `foa run` needs none, a daemon does")
    version = importlib.metadata.version("lst-foa-shared")
    bus = RabbitBus(site.broker.address_of(service.name), service.name, version)
    executor = executor_of(site)
    loop = ServiceLoop(service, site, bus, executor, software_of_service(site, service))
    log = structlog.get_logger(service=service.name)
    bus.start()
    loop.resume()
    log.info("serving")
    swept = time.monotonic()
    while not stopping.is_set():
        _turn(bus, loop)
        for ending in executor.endings():
            loop.ended(ending, attempt_of(RunTree(site.tree), ending.name))
        if time.monotonic() - swept > SWEEP_S:
            loop.send()
            swept = time.monotonic()
    bus.stop()
    log.info("stopped")


def _turn(bus: RabbitBus, loop: ServiceLoop) -> None:
    """Handle what has arrived; without a broker, go on watching jobs."""
    try:
        for _ in range(MESSAGES_PER_TURN):
            if not bus.deliver(WAIT_S):
                return
    except ConnectionError as error:
        structlog.get_logger().warning("broker away", reason=str(error))


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set: finish what is in hand, then leave."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping
