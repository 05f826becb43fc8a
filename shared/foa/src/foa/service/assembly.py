"""The parts of a service at a site: broker, executor, runtime of its stage."""

import os
from functools import cache, partial

from foa.bus.rabbitmq import RabbitBroker
from foa.errors import FoaError, Unavailable
from foa.executors import Executor, LocalExecution
from foa.executors.client import Meter, unmetered
from foa.pipeline import JobService, consumers, unconsumed_kinds
from foa.runtime import runtime_of
from foa.service.loop import FindRuntime
from foa.site import Site


def broker_of(site: Site) -> RabbitBroker:
    """Return the broker of a site, with the queues that the installed services need.

    Raises
    ------
    FoaError
        If the site names none.
    """
    if site.broker is None:
        raise FoaError(f"site {site.name} names no broker: `foa run` needs none, a daemon does")
    return RabbitBroker(site.broker, consumers(), unconsumed_kinds())


def executor_of(site: Site, service: JobService, meter: Meter = unmetered) -> Executor:
    """Make the executor of a service's jobs; `meter` may count what a scheduler is asked."""
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


def make_writable(site: Site) -> None:
    """Make the run tree of a site.

    Raises
    ------
    Unavailable
        If its file system is not mounted, or it cannot be written.
    """
    if fault := site.mount_fault():
        raise Unavailable(f"run tree {fault}")
    try:
        site.tree.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"run tree {site.tree}: {error.strerror}") from error
    if not os.access(site.tree, os.W_OK):
        raise Unavailable(f"run tree {site.tree} cannot be written")
