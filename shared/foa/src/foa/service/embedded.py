"""All job services in one process, on the in-memory bus."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from foa.bus import MemoryBroker
from foa.errors import Unavailable, WorkFailed
from foa.executors import Executor, LocalExecution
from foa.pipeline import JobService, consumers, job_services
from foa.service.assembly import find_runtime_for
from foa.service.events import Observer, ignore
from foa.service.life import ReportNotSeen
from foa.service.loop import ServiceLoop
from foa.site import Site
from foa_stage.jobs import Ending
from foa_stage.manifests import Manifest, write_manifest
from foa_stage.tree import RunTree

TICK_S = 0.1
"""Between two looks for endings."""


class Embedded:
    """Runs requests to their end.

    It can be stopped at any moment: the next one finds done what is done.
    """

    def __init__(self, site: Site, observe: Observer = ignore) -> None:
        self.tree = RunTree(site.tree)
        self._broker = MemoryBroker(consumers(), retries=False)
        self._buses = {one.name: self._broker.connect(one.name) for one in job_services()}
        self._jobs = site.execution.make_executor()
        self._beside_daemon = LocalExecution().make_executor()
        self._loops = {
            service.name: ServiceLoop(
                *(service, site, self._buses[service.name], self._executor_of(service)),
                *(find_runtime_for(site, service), observe),
            )
            for service in job_services()
        }

    def _executor_of(self, service: JobService) -> Executor:
        return self._beside_daemon if service.on_daemon_host else self._jobs

    @property
    def running(self) -> list[str]:
        """Return the names of the jobs that run now."""
        return [*self._jobs.running(), *self._beside_daemon.running()]

    def run(self, manifests: Iterable[Manifest], watch: Callable[[], None] = lambda: None) -> None:
        """Publish manifests and go on until nothing is left to do; call `watch` at every turn.

        Raises
        ------
        WorkFailed
            If a service rejects a manifest.
        Unavailable
            If the run tree cannot be read or written.
        """
        submitted = list(manifests)
        for loop in self._loops.values():
            loop.drop_pending({manifest.request.id for manifest in submitted})
        for manifest in submitted:
            self.tree.record(manifest)
            self._broker.route(manifest.kind, write_manifest(manifest))
        while self._turn(watch):
            time.sleep(TICK_S)

    def _turn(self, watch: Callable[[], None]) -> bool:
        """Deliver messages and conclude endings; tell whether anything is left to do."""
        waits = self._deliver()
        for parked in self._broker.parked:
            raise WorkFailed(f"{parked.service} cannot go on: {parked.reason}")
        watch()
        ended: dict[str, list[Ending]] = defaultdict(list)
        for ending in (*self._jobs.endings(), *self._beside_daemon.endings()):
            ended[self.tree.attempt(ending.name).work.stage].append(ending)
        turned = [loop.turn(ended[name]) for name, loop in self._loops.items()]
        return waits or any(turned) or any(loop.under_way() for loop in self._loops.values())

    def _deliver(self) -> bool:
        """Deliver all messages; tell whether one must wait for a report that is not seen yet."""
        try:
            while sum(bus.deliver() for bus in self._buses.values()):  # one of each in turn
                pass
        except ReportNotSeen:
            return True
        except OSError as error:
            raise Unavailable(f"cannot go on: {error}") from error
        return False
