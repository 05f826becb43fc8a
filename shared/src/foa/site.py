"""The site file: where this installation finds its data and runs its jobs."""

import os.path
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from foa.bus.address import BrokerAddress
from foa.documents import read_yaml, validate
from foa.jobs.model import Resources
from foa.jobs.slurm.text import Rest, SlurmSettings
from foa.manifests import Archive, Frozen, Manifest, ManifestRejected


class LocalExecution(Frozen):
    """Jobs are processes of this machine."""

    kind: Literal["local"] = "local"
    slots: int = Field(default=2, ge=1, description="jobs at a time")


class SlurmExecution(SlurmSettings):
    """Jobs go to SLURM."""

    kind: Literal["slurm"] = "slurm"
    rest: Rest | None = Field(default=None, description="submit through slurmrestd, not by this host's commands")


class Broker(Frozen):
    """The RabbitMQ the daemons meet at; every service has a user of its own name."""

    host: str = "127.0.0.1"
    port: int = 5671
    vhost: str = "foa"
    passwords: Path = Field(description="directory with a file per user that holds nothing but the password")
    ca_file: Path | None = None

    def address_of(self, user: str) -> BrokerAddress:
        """How a user reaches the broker."""
        return BrokerAddress(
            host=self.host, port=self.port, vhost=self.vhost, user=user, password_file=self.passwords / user,
            ca_file=self.ca_file,
        )  # fmt: skip


class Images(Frozen):
    """The stages' Apptainer images. Never overwrite one while jobs may use it: a new version, a new directory."""

    directory: Path
    public_key: Path = Field(description="PEM, of the key they are signed with")
    locks: Path | None = Field(default=None, description="directory of the locks they should be made from")
    productions: Mapping[str, str] = Field(
        default={}, description="tag of the images for productions whose names begin so: SERVICE-TAG.sif"
    )

    def path(self, service: str, production: str | None) -> Path:
        """The image of a stage for models of a production: only the lstchain that trained models may read them."""
        fitting = [prefix for prefix in self.productions if production and production.startswith(prefix)]
        tag = f"-{self.productions[max(fitting, key=len)]}" if fitting else ""
        return self.directory / f"{service}{tag}.sif"


class Site(Frozen):
    """One installation. Relative paths are relative to the site file."""

    name: str
    tree: Path = Field(description="the run tree")
    environments: Path = Field(description="one Python environment per service, named like it")
    images: Images | None = Field(default=None, description="run the stages in images, not in environments")
    archive: Archive
    execution: LocalExecution | SlurmExecution = Field(default=LocalExecution(), discriminator="kind")
    broker: Broker | None = Field(default=None, description="only daemons need one")
    resources: Mapping[str, Resources]

    def admit(self, manifest: Manifest) -> None:
        """Let in what speaks of files of this site only: below its run tree, or where its archive lies.

        Raises
        ------
        ManifestRejected
            If another path stands in it.
        """
        roots = [self.tree, *self.archive_roots()]
        for path in _paths(manifest):
            plain = Path(os.path.normpath(path))
            if not plain.is_absolute() or not any(plain.is_relative_to(root) for root in roots):
                raise ManifestRejected(f"{path} lies outside the run tree and the archive of site {self.name}")

    def archive_roots(self) -> list[Path]:
        """The directories below which everything lies that FOA reads."""
        return [_fixed_part(template) for template in _templates(self.archive)]


def read_site(path: Path) -> Site:
    """Read a site file.

    Raises
    ------
    FoaError
        If it cannot be read, or anything in it is missing, unknown or of the wrong kind.
    """
    content = read_yaml(path)
    base = path.resolve().parent
    for name in ("tree", "environments"):
        if name in content:
            content[name] = _from(base, content[name])
    if isinstance(images := content.get("images"), dict):
        content["images"] = {k: _from(base, v) if isinstance(v, str) else v for k, v in images.items()}
    archive = content.get("archive")
    if isinstance(archive, dict):
        content["archive"] = {k: v if k == "production" else _from(base, v) for k, v in archive.items()}
    return validate(Site, content, path)


def _paths(content: Any) -> Iterator[Path]:
    """Every path in a manifest."""
    if isinstance(content, Path):
        yield content
    elif isinstance(content, Archive):
        yield from map(_fixed_part, _templates(content))
    elif isinstance(content, BaseModel):
        for name in type(content).model_fields:
            yield from _paths(getattr(content, name))
    elif isinstance(content, tuple):
        for item in content:
            yield from _paths(item)


def _templates(archive: Archive) -> Iterator[str]:
    yield from archive.model_dump(exclude={"production"}).values()


def _fixed_part(template: str) -> Path:
    """The directory above everything that varies in a template of paths."""
    parts = Path(template).parts
    return Path(*takewhile(lambda part: not set(part) & set("{*?["), parts))


def _from(base: Path, path: Any) -> str:
    """Resolve lexically: templates hold characters that no file name may have."""
    parts: list[str] = []
    for part in (base / str(path)).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))
