"""The runtime of a stage: a Python environment of this host, or an Apptainer image."""

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from foa.errors import FoaError
from foa.pipeline import JobService
from foa.site import Site
from foa_stage.manifests import digest
from foa_stage.tree import digest_of_sources, sha256_of

STAGE_LIBRARY = "foa_stage"


class Runtime(Protocol):
    """One version of a stage."""

    @property
    def software(self) -> str:
        """Return the digest of all software the stage runs: part of every key."""

    def command(self, request: Path, scratch: Path, reads: Iterable[Path] = ()) -> tuple[str, ...]:
        """Return the command of a job; `reads` are directories it reads besides the archive."""


@dataclass(frozen=True)
class Environment:
    """A stage in an environment of its own."""

    service: JobService
    directory: Path

    @cached_property
    def software(self) -> str:
        """Return the digest of stage library, service's package and lock of the environment.

        Files that are no code, such as templates, count.
        """
        packages = (STAGE_LIBRARY, self.service.package)
        sources = {name: digest_of_sources(source_directory(name)) for name in packages}
        return digest({"sources": sources, "lock": self.lock.read_text()})

    @property
    def lock(self) -> Path:
        """Return the lock that the environment was installed from."""
        return self.directory / "lock.txt"

    @property
    def program(self) -> Path:
        """Return the program that runs stages."""
        return self.directory / "bin/foa-stage"

    def command(self, request: Path, scratch: Path, reads: Iterable[Path] = ()) -> tuple[str, ...]:
        """Return the command; the stage sees what this host sees."""
        return (str(self.program), self.service.stage, str(request))


@dataclass(frozen=True)
class Image:
    """A stage in an image: it sees its inputs read-only, the run tree, and nothing else."""

    service: JobService
    path: Path
    tree: Path
    archive: tuple[Path, ...]

    @cached_property
    def software(self) -> str:
        """Return the digest of the image."""
        return f"sha256:{sha256_of(self.path)}"

    def command(self, request: Path, scratch: Path, reads: Iterable[Path] = ()) -> tuple[str, ...]:
        """Return the command, without the host's variables, home and temporary directories.

        Only tree, archive and `reads` are mounted; each must exist.
        """
        mounted = [path for path in outermost([*self.archive, *reads]) if path != self.tree]
        isolation = ("--userns", "--containall", "--cleanenv", "--no-home")
        binds = [f"--bind={path}:{path}:ro" for path in mounted]
        directories = (f"--workdir={scratch}", f"--pwd={request.parent}")
        return (
            *("apptainer", "--quiet", "exec", *isolation, *binds),
            *(f"--bind={self.tree}:{self.tree}", *directories, f"--env=FOA_IMAGE={self.software}"),
            *(str(self.path), "foa-stage", self.service.stage, str(request)),
        )


def runtime_of(
    site: Site, service: JobService, production: str | None = None
) -> Environment | Image:
    """Return what a site runs a stage in, for models of a production.

    Raises
    ------
    FoaError
        If it is not there.
    """
    if site.images is None or service.on_daemon_host:
        return _environment_of(site, service)
    path = site.images.path(service.name, production)
    if not path.exists():
        raise FoaError(
            f"the image of {service.name} is missing: {path}; run `make image-{service.name}`"
        )
    return Image(service, path, site.tree, tuple(site.archive_roots()))


def _environment_of(site: Site, service: JobService) -> Environment:
    environment = Environment(service, site.environments / service.name)
    if not environment.lock.exists():
        raise FoaError(
            f"the environment of {service.name} is not installed: {environment.lock} is missing; "
            "run `make env`"
        )
    return environment


def source_directory(package: str) -> Path:
    """Return the directory of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FoaError(f"the package {package} is not installed here")
    return Path(spec.submodule_search_locations[0])


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Return the directories that lie in no other one of them."""
    every = set(paths)
    return sorted(path for path in every if not any(other in path.parents for other in every))
