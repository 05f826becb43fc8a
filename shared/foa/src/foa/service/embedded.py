"""All job services in one process, on the in-memory bus."""

import time
from collections.abc import Callable, Iterable
from functools import cache, partial

from foa.bus import MemoryBroker
from foa.errors import FoaError
from foa.executors import Executor, LocalExecution
from foa.executors.client import Meter, unmetered
from foa.pipeline import JobService, consumers, job_services
from foa.runtime import runtime_of
from foa.service.events import Observer, ignore
from foa.service.loop import FindRuntime, ServiceLoop
from foa.site import Site
from foa_stage.manifests import Manifest
from foa_stage.tree import RunTree

TICK_S = 0.1
"""Between two looks for endings."""


def executor_of(site: Site, service: JobService, meter: Meter = unmetered) -> Executor:
    """Return who runs a service's jobs; `meter` may count what a scheduler is asked."""
    execution = LocalExecution() if service.on_daemon_host else site.execution
    return execution.make_executor(meter)


def find_runtime_for(site: Site, service: JobService) -> FindRuntime:
    """Return what finds the runtime of a service's stage at a site.

    Raises
    ------
    FoaError
        If the one for any production is not there.
    """
    find = cache(partial(runtime_of, site, service))
    find(None)
    return find


class Embedded:
    """Runs requests to their end.

    It can be stopped at any moment: the next one finds done what is done.
    """

    def __init__(self, site: Site, observe: Observer = ignore) -> None:
        self.tree = RunTree(site.tree)
        self._broker = MemoryBroker(consumers(), retry_delays_s=())
        self._buses = [self._broker.connect(service.name) for service in job_services()]
        beside_daemon = LocalExecution().make_executor()
        self._executors = [site.execution.make_executor(), beside_daemon]
        self._loops = {
            service.name: ServiceLoop(
                *(service, site, bus, self._executors[service.on_daemon_host]),
                *(find_runtime_for(site, service), observe),
            )
            for service, bus in zip(job_services(), self._buses, strict=True)
        }

    @property
    def running(self) -> list[str]:
        """Return the names of the jobs that run now."""
        return [name for executor in self._executors for name in executor.running()]

    def run(self, manifests: Iterable[Manifest], watch: Callable[[], None] = lambda: None) -> None:
        """Publish manifests and go on until nothing is left to do; call `watch` at every turn.

        Raises
        ------
        FoaError
            If a service cannot handle a manifest.
        """
        for manifest in manifests:
            self.tree.record(manifest)
            self._buses[0].publish(manifest)
        while self._turn(watch):
            time.sleep(TICK_S)

    def _turn(self, watch: Callable[[], None]) -> bool:
        """Deliver messages and conclude endings; tell whether anything is left to do."""
        while sum(bus.deliver() for bus in self._buses):  # one message of each in turn
            pass
        for parked in self._broker.parked:
            raise FoaError(f"{parked.service} cannot go on: {parked.reason}")
        watch()
        ended = [ending for executor in self._executors for ending in executor.endings()]
        for ending in ended:
            self._loops[self.tree.attempt(ending.name).work.stage].ended(ending)
        return bool(ended) or any(loop.under_way() for loop in self._loops.values())
