"""Is everything a site needs reachable?"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from foa.archive import find_files
from foa.service.embedded import installed_services
from foa.site import Site

MIN_FREE_GIB = 5
GIB = 1 << 30


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    what: str
    ok: bool
    detail: str


def check_site(site: Site) -> list[Check]:
    """Look at run tree, environments and archive."""
    return [
        *_check_tree(site.tree),
        *(_check_stage(site, s.name) for s in installed_services()),
        *_check_archive(site),
    ]


def _check_tree(tree: Path) -> list[Check]:
    existing = next(path for path in (tree, *tree.parents) if path.exists())
    free = shutil.disk_usage(existing).free // GIB
    return [
        Check("run tree", os.access(existing, os.W_OK), f"{tree} {'is' if tree.exists() else 'will be'} written"),
        Check("free disk", free >= MIN_FREE_GIB, f"{free} GiB, at least {MIN_FREE_GIB} wanted"),
    ]


def _check_stage(site: Site, service: str) -> Check:
    command = Path(site.stage_command(service)[0])
    return Check(f"stage {service}", os.access(command, os.X_OK) and site.lock(service).exists(), str(command))


def _check_archive(site: Site) -> list[Check]:
    """At least one file of every kind."""
    templates = site.archive.model_dump(exclude={"models", "production"})
    templates["models"] = f"{site.archive.models}/{site.archive.production}*/dec_*/*.sav"
    counts = {name: len(find_files(template)) for name, template in templates.items()}
    return [Check(f"archive {name}", n > 0, f"{n} files: {templates[name]}") for name, n in counts.items()]
