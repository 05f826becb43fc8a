"""A service as a daemon: one process that consumes, submits, watches and publishes until it is told to stop."""

import importlib.metadata
import os
import signal
import threading
import time

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics

from foa.bus.rabbitmq import RabbitBus
from foa.errors import FoaError
from foa.service.collectors import RequestCollector, WorkCollector
from foa.service.embedded import executor_of, install_for
from foa.service.health import listen
from foa.service.loop import ServiceLoop, attempt_of
from foa.service.metrics import Metrics
from foa.service.model import Service
from foa.site import Site
from foa.tree import RunTree

WAIT_S = 0.2
"""For a message, before endings are looked for."""
MESSAGES_PER_TURN = 5
"""However many messages there are, endings are looked for in between."""
SWEEP_S = 30.0
"""Between two attempts to send what is left in the outbox."""
STUCK_S = 120.0
"""A turn that takes longer is stuck: three commands of SLURM's that time out take 90 s."""


class Daemon:
    """A service at a site with a broker."""

    def __init__(self, service: Service, site: Site, registry: CollectorRegistry) -> None:
        """Connects nothing yet.

        Raises
        ------
        FoaError
            If the site names no broker, or the run tree cannot be written.
        """
        if site.broker is None:
            raise FoaError(f"site {site.name} names no broker: `foa run` needs none, a daemon does")
        self._tree = RunTree(site.tree)
        _make_writable(self._tree)
        self._metrics = Metrics(self._tree, registry)
        version = importlib.metadata.version("lst-foa-shared")
        self._bus = RabbitBus(site.broker.address_of(service.name), service.name, version, self._metrics.observe)
        self._executor = executor_of(site, self._metrics.meter)
        install = install_for(site, service)
        self._loop = ServiceLoop(service, site, self._bus, self._executor, install, self._metrics.observe)
        self._log = structlog.get_logger(service=service.name)
        self._turned, self._swept, self._connections = time.monotonic(), 0.0, 0
        registry.register(WorkCollector(self._tree, service.name, self._loop.under_way))
        if "analysis.ready" in service.announces:
            registry.register(RequestCollector(self._tree))

    def run(self, stopping: threading.Event) -> None:
        """Serve until `stopping` is set; then finish what is in hand, and leave."""
        self._bus.start()
        self._loop.resume()
        self._log.info("serving")
        while not stopping.is_set():
            self._deliver()
            for ending in self._executor.endings():
                self._loop.ended(ending, attempt_of(self._tree, ending.name))
            self._sweep()
            self._turned = time.monotonic()
            self._metrics.turn.set_to_current_time()
            self._metrics.connected.set(self._bus.connected)
        self._bus.stop()
        self._log.info("stopped")

    def not_live(self) -> str:
        """What keeps the service from its work, if anything does."""
        silent = time.monotonic() - self._turned
        return f"stuck for {silent:.0f} s" if silent > STUCK_S else ""

    def not_ready(self) -> str:
        """What keeps the service from taking work, if anything does."""
        if not os.access(self._tree.root, os.W_OK):
            return f"the run tree {self._tree.root} cannot be written"
        return self.not_live() or ("" if self._bus.connected else "the broker is away")

    def _deliver(self) -> None:
        """Handle what has arrived; without a broker, go on watching jobs."""
        try:
            for _ in range(MESSAGES_PER_TURN):
                if not self._bus.deliver(WAIT_S):
                    return
        except ConnectionError as error:
            self._log.warning("broker away", reason=str(error))

    def _sweep(self) -> None:
        """Send what was left, at once when the broker has come back."""
        came_back = self._bus.connections != self._connections
        if self._bus.connected and (came_back or time.monotonic() - self._swept > SWEEP_S):
            self._loop.send()
            self._swept, self._connections = time.monotonic(), self._bus.connections


def serve(service: Service, site: Site, address: str) -> None:
    """Run a service until SIGTERM or SIGINT; metrics and health at `address`.

    Raises
    ------
    FoaError
        If it cannot start.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the number of series and tell nothing
    registry = CollectorRegistry()
    daemon = Daemon(service, site, registry)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        server = listen(address, registry, {"/live": daemon.not_live, "/ready": daemon.not_ready})
    except (OSError, ValueError) as error:
        raise FoaError(f"cannot listen on {address!r}: {error}") from error
    structlog.get_logger(service=service.name).info("listening", port=server.server_port)
    daemon.run(stopping)
    server.shutdown()


def _make_writable(tree: RunTree) -> None:
    try:
        tree.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FoaError(f"run tree {tree.root}: {error.strerror}") from error
    if not os.access(tree.root, os.W_OK):
        raise FoaError(f"run tree {tree.root} cannot be written")
