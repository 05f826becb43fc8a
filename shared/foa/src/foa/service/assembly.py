"""The parts of a service at a site: broker, executor, runtime of its stage."""

import os
from functools import cache, partial

from foa.bus.rabbitmq import RabbitBroker
from foa.errors import FoaError
from foa.executors import Executor, LocalExecution
from foa.executors.client import Meter, unmetered
from foa.pipeline import JobService, consumers, unconsumed_kinds
from foa.runtime import runtime_of
from foa.service.loop import FindRuntime
from foa.site import Site
from foa_stage.tree import RunTree


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


def make_writable(tree: RunTree) -> None:
    """Make the run tree.

    Raises
    ------
    FoaError
        If it cannot be written.
    """
    try:
        tree.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FoaError(f"run tree {tree.root}: {error.strerror}") from error
    if not os.access(tree.root, os.W_OK):
        raise FoaError(f"run tree {tree.root} cannot be written")
