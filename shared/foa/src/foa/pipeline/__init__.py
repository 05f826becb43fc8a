"""The services as their distributions declare them, and what follows from the declarations."""

from foa.pipeline.declaration import JobService, Reader, Service, Source
from foa.pipeline.installed import (
    consumers,
    find_service,
    installed_services,
    job_services,
    publishers,
    run_services,
    unconsumed_kinds,
)

__all__ = [
    "JobService",
    "Reader",
    "Service",
    "Source",
    "consumers",
    "find_service",
    "installed_services",
    "job_services",
    "publishers",
    "run_services",
    "unconsumed_kinds",
]
