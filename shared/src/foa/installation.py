"""What a stage runs in: a Python environment of this host, or an Apptainer image."""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from foa.errors import FoaError
from foa.manifests import digest
from foa.site import Site
from foa.tree import sha256_of


class Installation(Protocol):
    """One version of a stage."""

    @property
    def software(self) -> str:
        """Digest of all that determines its results besides its request: part of every key."""

    def command(self, request: Path, scratch: Path, reads: Iterable[Path] = ()) -> tuple[str, ...]:
        """What executes it; `reads` are directories it reads besides the site's archive."""


@dataclass(frozen=True)
class Environment:
    """A stage in an environment of its own."""

    service: str
    directory: Path
    module: str
    """Its own sources, installed where this process runs, too."""

    @cached_property
    def software(self) -> str:
        """Digest of the service's sources and of the lock of its environment."""
        package = importlib.import_module(self.module.rsplit(".", 1)[0])
        assert package.__file__ is not None
        sources = {path.name: path.read_text() for path in sorted(Path(package.__file__).parent.glob("*.py"))}
        return digest({"sources": sources, "lock": self.lock.read_text()})

    @property
    def lock(self) -> Path:
        """What the environment was installed from."""
        return self.directory / "lock.txt"

    @property
    def program(self) -> Path:
        """The command of the service."""
        return self.directory / "bin" / f"foa-{self.service}"

    def command(self, request: Path, scratch: Path, reads: Iterable[Path] = ()) -> tuple[str, ...]:
        """It sees what this host sees."""
        return (str(self.program), "stage", str(request))


@dataclass(frozen=True)
class Image:
    """A stage in an image: it sees its inputs read-only, the run tree, and nothing else."""

    service: str
    path: Path
    tree: Path
    archive: tuple[Path, ...]

    @cached_property
    def software(self) -> str:
        """Digest of the image."""
        return f"sha256:{sha256_of(self.path)}"

    def command(self, request: Path, scratch: Path, reads: Iterable[Path] = ()) -> tuple[str, ...]:
        """Without the host's variables, home and temporary directories; what is to be read must be there."""
        binds = [f"--bind={path}:{path}:ro" for path in outermost([*self.archive, *reads]) if path != self.tree]
        return (
            "apptainer", "--quiet", "exec", "--userns", "--containall", "--cleanenv", "--no-home", *binds,
            f"--bind={self.tree}:{self.tree}", f"--workdir={scratch}", f"--pwd={request.parent}",
            f"--env=FOA_IMAGE={self.software}", str(self.path), f"foa-{self.service}", "stage", str(request),
        )  # fmt: skip


def installation_of(site: Site, service: str, module: str, production: str | None = None) -> Environment | Image:
    """What a site runs a stage in, for models of a production.

    Raises
    ------
    FoaError
        If it is not there.
    """
    if site.images is None:
        environment = Environment(service, site.environments / service, module)
        if not environment.lock.exists():
            raise FoaError(
                f"the environment of {service} is not installed: {environment.lock} is missing; run `make env`"
            )
        return environment
    path = site.images.path(service, production)
    if not path.exists():
        raise FoaError(f"the image of {service} is missing: {path}; run `make image-{service}`")
    return Image(service, path, site.tree, tuple(site.archive_roots()))


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Directories without those that lie in another one of them."""
    every = set(paths)
    return sorted(path for path in every if not any(other in path.parents for other in every))
