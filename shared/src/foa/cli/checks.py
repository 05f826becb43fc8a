"""Is everything a site needs reachable?"""

import os
import shutil
from pathlib import Path

from pika.exceptions import AMQPError

from foa.archive import find_files
from foa.bus.administration import reach
from foa.bus.definitions import OPERATOR
from foa.cli import broker
from foa.cli.images import Check, check_image
from foa.errors import FoaError
from foa.installation import Environment, installation_of
from foa.jobs.slurm.client import NoAnswer
from foa.service import Service
from foa.service.embedded import installed_services, slurm_client
from foa.site import Site, SlurmExecution

MIN_FREE_GIB = 5
GIB = 1 << 30


def check_site(site: Site) -> list[Check]:
    """Look at run tree, environments or images, archive, scheduler and broker."""
    return [
        *_check_tree(site.tree),
        *(check for service in installed_services() for check in _check_stage(site, service)),
        *_check_archive(site),
        *_check_slurm(site),
        *_check_broker(site),
    ]


def _check_tree(tree: Path) -> list[Check]:
    existing = next(path for path in (tree, *tree.parents) if path.exists())
    free = shutil.disk_usage(existing).free // GIB
    return [
        Check("run tree", os.access(existing, os.W_OK), f"{tree} {'is' if tree.exists() else 'will be'} written"),
        Check("free disk", free >= MIN_FREE_GIB, f"{free} GiB, at least {MIN_FREE_GIB} wanted"),
    ]


def _check_stage(site: Site, service: Service) -> list[Check]:
    """What its stage runs in."""
    try:
        installation = installation_of(site, service.name, service.stage)
    except FoaError as error:
        return [Check(f"stage {service.name}", ok=False, detail=str(error))]
    if isinstance(installation, Environment):
        program = installation.program
        return [Check(f"stage {service.name}", os.access(program, os.X_OK), str(program))]
    assert site.images is not None
    return check_image(site.images, service.name, installation.path)


def _check_archive(site: Site) -> list[Check]:
    """At least one file of every kind."""
    templates = site.archive.model_dump(exclude={"models", "production"})
    templates["models"] = f"{site.archive.models}/{site.archive.production}*/dec_*/*.sav"
    counts = {name: len(find_files(template)) for name, template in templates.items()}
    return [Check(f"archive {name}", n > 0, f"{n} files: {templates[name]}") for name, n in counts.items()]


def _check_slurm(site: Site) -> list[Check]:
    """Whether a job of the site's account would be accepted."""
    if not isinstance(site.execution, SlurmExecution):
        return []
    try:
        return [Check("SLURM", ok=True, detail=slurm_client(site.execution).check())]
    except NoAnswer as silence:
        return [Check("SLURM", ok=False, detail=str(silence))]


def _check_broker(site: Site) -> list[Check]:
    if site.broker is None:
        return []
    place = f"{site.broker.host}:{site.broker.port}"
    try:
        reach(broker.address_of(site, OPERATOR))
    except (FoaError, OSError, AMQPError) as error:
        return [Check("broker", ok=False, detail=f"{place}: {error or type(error).__name__}")]
    return [Check("broker", ok=True, detail=f"{place} takes messages of {OPERATOR}")]
