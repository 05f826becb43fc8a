"""A service as a daemon: one process that consumes, submits, watches and publishes."""

import os
import signal
import threading
import time
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, disable_created_metrics

from foa import __version__
from foa.bus import Bus, Handlings
from foa.pipeline import JobService, Reader, Service, Source
from foa.service.assembly import broker_of, executor_of, find_runtime_for, make_writable
from foa.service.collectors import RequestCollector, WorkCollector
from foa.service.health import Probe, listen, trouble_of, trouble_of_thread, well
from foa.service.loop import ServiceLoop
from foa.service.metrics import Metrics
from foa.service.source import SourceDaemon
from foa.site import Site, read_site
from foa_stage.manifests import AnalysisReady
from foa_stage.tree import RunTree

WAIT_S = 0.2
"""For a message, before endings are looked for."""
MESSAGES_PER_TURN = 50
"""However many messages there are, endings are looked for in between."""
SWEEP_S = 30.0
"""Between two attempts to send what is left in the outbox."""
ORPHAN_S = 600.0
"""A manifest that is pending for longer, and not here, is taken up: its replica may be dead.

If that replica lives, both watch one job, found by its name, and both announce its end.
"""
STUCK_S = 120.0
"""A turn that takes longer is stuck: silence of the scheduler costs it 40 s at most."""


class Daemon:
    """A job service at a site with a broker."""

    def __init__(self, service: JobService, site: Site, registry: CollectorRegistry) -> None:
        """Prepare everything; connect nothing yet.

        Raises
        ------
        FoaError
            If the site names no broker, or the run tree cannot be written.
        """
        self._tree = RunTree(site.tree)
        self._metrics = Metrics(self._tree, registry)
        self._bus = _bus_of(site, service, self._tree, self._metrics)
        make_writable(site)
        self._executor = executor_of(site, service, self._metrics.meter)
        self._loop = ServiceLoop(
            *(service, site, self._bus, self._executor),
            *(find_runtime_for(site, service), self._metrics.observe),
        )
        self._log = structlog.get_logger(service=service.name)
        self._turned, self._swept, self._connections = time.monotonic(), 0.0, 0
        self._resumed = time.monotonic()
        registry.register(WorkCollector(self._tree, service.name, self._loop.under_way))
        if AnalysisReady in service.announces:
            registry.register(RequestCollector(self._tree))

    def run(self, stopping: threading.Event) -> None:
        """Serve until `stopping` is set; then finish what is in hand, and leave."""
        self._bus.start()
        self._loop.resume()
        self._log.info("serving")
        while not stopping.is_set():
            self._turn()
        self._bus.stop()
        self._log.info("stopped")

    @property
    def probes(self) -> dict[str, Probe]:
        """Return what is asked at /live and /ready."""
        return {"/live": self._not_live, "/ready": self._not_ready}

    def _not_live(self) -> str:
        """Return what keeps the service from its work, if anything does."""
        silent = time.monotonic() - self._turned
        if silent > STUCK_S:
            return f"stuck for {silent:.0f} s"
        return trouble_of_thread(self._bus)

    def _not_ready(self) -> str:
        """Return what keeps the service from taking work, if anything does."""
        if not os.access(self._tree.root, os.W_OK):
            return f"the run tree {self._tree.root} cannot be written"
        return self._not_live() or trouble_of(self._bus)

    def _turn(self) -> None:
        self._deliver()
        self._loop.turn(self._executor.endings())
        self._sweep()
        self._turned = time.monotonic()
        self._metrics.turn.set_to_current_time()
        self._metrics.connected.set(self._bus.connected)

    def _deliver(self) -> None:
        """Handle what has arrived, waiting for the first message only; jobs are to be watched."""
        wait_s = WAIT_S
        try:
            for _ in range(MESSAGES_PER_TURN):
                if not self._bus.deliver(wait_s):
                    return
                wait_s = 0.0
        except ConnectionError as error:
            self._log.warning("broker away", reason=str(error))

    def _sweep(self) -> None:
        """Send what was left, at once when the broker has come back; take up orphans."""
        came_back = self._bus.connections != self._connections
        overdue = time.monotonic() - self._swept > SWEEP_S
        if self._bus.connected and (came_back or overdue):
            self._loop.send()
            self._swept, self._connections = time.monotonic(), self._bus.connections
        if time.monotonic() - self._resumed > ORPHAN_S / 2:
            self._loop.resume(older_than_s=ORPHAN_S)
            self._resumed = time.monotonic()


def serve(service: Service, site_file: Path, address: str) -> None:
    """Run a service until SIGTERM or SIGINT; metrics and health at `address` (HOST:PORT).

    Raises
    ------
    FoaError
        If it cannot start.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the number of series
    structlog.contextvars.bind_contextvars(service=service.name)
    registry = CollectorRegistry()
    if isinstance(service, JobService):
        daemon = Daemon(service, read_site(site_file), registry)
        stopping = _until_told()
        with listen(address, registry, daemon.probes):
            daemon.run(stopping)
    elif isinstance(service, Source):
        SourceDaemon(service, site_file, registry).run(_until_told(), address)
    elif isinstance(service, Reader):
        stopping = _until_told()
        with listen(address, registry, {"/live": well, "/ready": well}):
            service.show(site_file, stopping)


def _until_told() -> threading.Event:
    """Return what SIGTERM and SIGINT set from now on."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _bus_of(site: Site, service: Service, tree: RunTree, metrics: Metrics) -> Bus:
    handlings = Handlings(tree.handlings(service.name))
    return broker_of(site).connect(service.name, __version__, metrics.observe, handlings)
