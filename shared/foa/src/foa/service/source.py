"""A source as a daemon: it watches the outside world, and what it publishes is recorded first."""

import threading
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from foa import __version__
from foa.pipeline import Source
from foa.service.announcer import Announcer
from foa.service.assembly import broker_of, make_writable
from foa.service.collectors import WorkCollector
from foa.service.health import Probe, listen, trouble_of, trouble_of_thread
from foa.service.metrics import Metrics
from foa.site import read_site
from foa_stage.manifests import Manifest
from foa_stage.tree import RunTree

RESEND_S = 1.0
"""Between two looks into the outbox, which is empty as a rule."""


class SourceDaemon:
    """A source at a site with a broker."""

    def __init__(self, source: Source, site_file: Path, registry: CollectorRegistry) -> None:
        """Prepare everything; connect nothing yet.

        Raises
        ------
        FoaError
            If the site names no broker, or the run tree cannot be written.
        """
        site = read_site(site_file)
        self._source, self._site_file, self._registry = source, site_file, registry
        self._tree = RunTree(site.tree)
        self._metrics = Metrics(self._tree, registry)
        self._bus = broker_of(site).connect(source.name, __version__, self._metrics.observe)
        make_writable(site)
        self._log = structlog.get_logger(service=source.name)
        outbox = self._tree.outbox(source.name)
        observe = self._metrics.observe
        self._announcer = Announcer(self._tree, outbox, self._bus, observe, self._log)
        registry.register(WorkCollector(self._tree, source.name, list))

    def run(self, stopping: threading.Event, address: str) -> None:
        """Let the source watch until `stopping` is set; answer at `address` (HOST:PORT)."""
        self._bus.start()
        threading.Thread(target=self._resend, args=(stopping,), daemon=True).start()
        try:
            with listen(address, self._registry, self.probes):
                self._source.watch(self._site_file, self._publish, stopping)
        finally:
            stopping.set()
            self._bus.stop()

    @property
    def probes(self) -> dict[str, Probe]:
        """Return what is asked at /live and /ready."""
        return {"/live": self._not_live, "/ready": self._not_ready}

    def _publish(self, manifest: Manifest) -> None:
        self._announcer.say([manifest])
        self._announcer.send()

    def _not_live(self) -> str:
        return trouble_of_thread(self._bus)

    def _not_ready(self) -> str:
        return trouble_of(self._bus)

    def _resend(self, stopping: threading.Event) -> None:
        """Send what the broker did not take at first, and tell Prometheus that this lives."""
        while not stopping.wait(RESEND_S):
            self._metrics.turn.set_to_current_time()
            self._metrics.connected.set(self._bus.connected)
            try:
                if self._bus.connected:
                    self._announcer.send()
            except OSError:  # the file system may be back at the next look
                self._log.exception("not sent")
