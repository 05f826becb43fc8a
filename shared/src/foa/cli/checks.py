"""Is everything a site needs reachable?"""

import os
import shutil
from pathlib import Path

from foa.archive import find_files
from foa.cli.images import Check, check_image
from foa.errors import FoaError
from foa.installation import Environment, installation_of
from foa.service import Service
from foa.service.embedded import installed_services
from foa.site import Site

MIN_FREE_GIB = 5
GIB = 1 << 30


def check_site(site: Site) -> list[Check]:
    """Look at run tree, environments and archive."""
    return [
        *_check_tree(site.tree),
        *(check for service in installed_services() for check in _check_stage(site, service)),
        *_check_archive(site),
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
