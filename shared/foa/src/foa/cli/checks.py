"""Check that everything a site needs is reachable."""

import os
import shutil
from pathlib import Path

from foa.admission import templates_of
from foa.bus import BusAway
from foa.cli.images import Check, check_image
from foa.errors import FoaError
from foa.executors.scheduler import NoAnswer
from foa.pipeline import JobService, job_services
from foa.runtime import Environment, runtime_of
from foa.service.assembly import broker_of
from foa.site import Site
from foa_stage.archive import find_files
from foa_stage.tree import RunTree

GIB = 1 << 30


def check_site(site: Site) -> list[Check]:
    """Look at run tree, retention, environments or images, archive, scheduler and broker."""
    return [
        *_check_tree(site),
        *(check for service in job_services() for check in _check_stage(site, service)),
        *_check_archive(site),
        *_check_scheduler(site),
        *_check_broker(site),
    ]


def _check_tree(site: Site) -> list[Check]:
    """Check that the run tree can be written, on its own file system, and what of it is kept."""
    tree, wanted = site.tree, site.retention.min_free_gib
    if fault := site.mount_fault():
        return [Check("run tree", ok=False, detail=fault)]
    try:
        return [*_check_directory(tree, wanted), *_check_retention(site)]
    except OSError as error:
        return [Check("run tree", ok=False, detail=f"{tree}: {error.strerror}")]


def _check_directory(tree: Path, wanted: int) -> list[Check]:
    existing = next(path for path in (tree, *tree.parents) if path.exists())
    free = shutil.disk_usage(existing).free // GIB
    verb = "is" if tree.exists() else "will be"
    return [
        Check("run tree", os.access(existing, os.W_OK), f"{tree} {verb} written"),
        Check("free disk", free >= wanted, f"{free} GiB, at least {wanted} wanted"),
    ]


def _check_retention(site: Site) -> list[Check]:
    """Check that the retention names stages there are; some stages are parts of a service's."""
    services = {service.name for service in job_services()}
    begun = {work.stage for work in RunTree(site.tree).works()}
    if unknown := sorted(site.retention.products.keys() - services - begun):
        detail = f"no stage {', '.join(unknown)}: known are {', '.join(sorted(services | begun))}"
        return [Check("retention", ok=False, detail=detail)]
    return []


def _check_stage(site: Site, service: JobService) -> list[Check]:
    """Check the runtime of a service's stage."""
    try:
        runtime = runtime_of(site, service)
    except FoaError as error:
        return [Check(f"stage {service.name}", ok=False, detail=str(error))]
    if isinstance(runtime, Environment):
        program = runtime.program
        return [Check(f"stage {service.name}", os.access(program, os.X_OK), str(program))]
    assert site.images is not None
    return check_image(site.images, service.name, runtime.path)


def _check_archive(site: Site) -> list[Check]:
    """Check that there is at least one file of every kind."""
    models = f"{site.archive.models}/{site.archive.production}*/dec_*/*.sav"
    templates = templates_of(site.archive) | {"models": models}
    counts = {name: len(find_files(template)) for name, template in templates.items()}
    return [
        Check(f"archive {name}", count > 0, f"{count} files: {templates[name]}")
        for name, count in counts.items()
    ]


def _check_scheduler(site: Site) -> list[Check]:
    """Check that a job of the site's account would be accepted."""
    client, title = site.execution.client(), site.execution.title
    if client is None:
        return []
    try:
        return [Check(title, ok=True, detail=client.check())]
    except NoAnswer as silence:
        return [Check(title, ok=False, detail=str(silence))]


def _check_broker(site: Site) -> list[Check]:
    if site.broker is None:
        return []
    try:
        broker_of(site).reach()
    except (FoaError, BusAway) as error:
        return [Check("broker", ok=False, detail=str(error) or type(error).__name__)]
    where = f"{site.broker.host}:{site.broker.port}"
    return [Check("broker", ok=True, detail=f"{where} takes requests")]
