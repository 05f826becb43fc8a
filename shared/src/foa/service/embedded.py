"""All five services in one process, on the in-memory bus."""

import importlib.metadata
import time
from collections.abc import Callable, Iterable
from functools import cache, partial

from foa.bus import MemoryBus
from foa.installation import installation_of
from foa.jobs import Executor
from foa.jobs.local import LocalExecutor
from foa.jobs.slurm import SlurmExecutor
from foa.jobs.slurm.client import Client, HostClient
from foa.jobs.slurm.rest import RestClient
from foa.manifests import Manifest
from foa.service.events import Observer, ignore
from foa.service.loop import Install, ServiceLoop, attempt_of
from foa.service.model import Service
from foa.site import Site, SlurmExecution
from foa.tree import RunTree

TICK_S = 0.1
"""How often endings are looked for."""


def installed_services() -> list[Service]:
    """The services of this environment, as their distributions announce them."""
    entries = importlib.metadata.entry_points(group="foa.services")
    return [entry.load() for entry in sorted(entries, key=lambda entry: entry.name)]


def slurm_client(execution: SlurmExecution) -> Client:
    """The way to SLURM a site chooses."""
    return RestClient(execution, execution.rest) if execution.rest else HostClient(execution)


def executor_of(site: Site, meter: Callable[[Client], Client] = lambda client: client) -> Executor:
    """The executor a site chooses; `meter` may watch what SLURM is asked."""
    if isinstance(site.execution, SlurmExecution):
        return SlurmExecutor(meter(slurm_client(site.execution)))
    return LocalExecutor(site.execution.slots)


class Embedded:
    """Runs requests to their end. It can be stopped at any moment: what it is told again, it finds done."""

    def __init__(self, site: Site, observe: Observer = ignore) -> None:
        self.tree = RunTree(site.tree)
        self.bus = MemoryBus()
        self.executor = executor_of(site)
        self.loops = {
            service.name: ServiceLoop(service, site, self.bus, self.executor, install_for(site, service), observe)
            for service in installed_services()
        }

    def run(self, manifests: Iterable[Manifest], watch: Callable[[], None] = lambda: None) -> None:
        """Publish manifests and go on until nothing is left to do; `watch` is called at every turn."""
        for manifest in manifests:
            self.tree.record(manifest)
            self.bus.publish(manifest)
        while True:
            while self.bus.deliver():
                pass
            watch()
            ended = self.executor.endings()
            for ending in ended:
                attempt = attempt_of(self.tree, ending.name)
                self.loops[attempt.work.stage].ended(ending, attempt)
            if not ended and not any(loop.under_way() for loop in self.loops.values()):
                return
            time.sleep(TICK_S)


def install_for(site: Site, service: Service) -> Install:
    """What finds the installation of a service's stage at a site.

    Raises
    ------
    FoaError
        If the one for any production is not there.
    """
    install = cache(partial(installation_of, site, service.name, service.stage))
    install(None)
    return install
