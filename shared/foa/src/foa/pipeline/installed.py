"""The services of this environment, and how work goes through them."""

import importlib.metadata
from functools import cache
from graphlib import TopologicalSorter

from foa.errors import FoaError
from foa.pipeline.declaration import JobService, Service
from foa_stage.manifests import KINDS

ENTRY_POINTS = "foa.services"


@cache
def installed_services() -> tuple[Service, ...]:
    """Return the services that distributions announce, in the order in which work reaches them."""
    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    by_name = {entry.name: entry.load() for entry in sorted(entries, key=lambda e: e.name)}
    services = tuple(by_name.values())
    sorter = TopologicalSorter(
        {service.name: [one.name for one in before(service, services)] for service in services}
    )
    return tuple(by_name[name] for name in sorter.static_order())


def before(service: Service, services: tuple[Service, ...]) -> list[Service]:
    """Return the services whose success this one waits for."""
    return [one for one in services if set(one.announces) & set(service.consumes)]


def job_services() -> tuple[JobService, ...]:
    """Return the services that submit jobs."""
    return tuple(one for one in installed_services() if isinstance(one, JobService))


def run_services() -> tuple[JobService, ...]:
    """Return the services that runs go through one by one."""
    return tuple(one for one in job_services() if one.per_run and one.announces)


def find_service(name: str) -> Service:
    """Return the service of this name.

    Raises
    ------
    FoaError
        If none of this name is installed.
    """
    for service in installed_services():
        if service.name == name:
            return service
    known = ", ".join(service.name for service in installed_services())
    raise FoaError(f"no service {name!r} is installed: {known}")


def consumers() -> dict[str, tuple[str, ...]]:
    """Return the kinds that each service with a queue consumes."""
    return {one.name: one.heard_kinds for one in installed_services() if one.consumes}


def publishers() -> dict[str, tuple[str, ...]]:
    """Return the kinds that each service at the broker may publish: none for some."""
    speaking = (one for one in installed_services() if one.says or one.consumes)
    return {one.name: one.said_kinds for one in speaking}


def unconsumed_kinds() -> tuple[str, ...]:
    """Return the kinds that no service consumes."""
    consumed = {kind for kinds in consumers().values() for kind in kinds}
    return tuple(kind for kind in KINDS if kind not in consumed)
