"""The site file: where this installation finds its data and runs its jobs."""

import os.path
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import BaseModel, Field, field_validator

from foa.bus.rabbitmq.address import Broker
from foa.executors import Execution, LocalExecution
from foa.yaml_models import read_yaml, validate
from foa_stage.jobs import Resources
from foa_stage.manifests import Archive, Frozen, Manifest, ManifestRejected

PLACEHOLDERS = {("night", ""), ("obs_id", "05d"), ("production", ""), ("line", "")}
"""Of templates of paths, with their formats."""


class Images(Frozen):
    """The stages' Apptainer images.

    Never overwrite one while jobs may use it: a new version goes to a new directory.
    """

    directory: Path
    public_key: Path = Field(description="PEM, of the key they are signed with")
    locks: Path | None = Field(
        default=None, description="directory of the locks they should be made from"
    )
    productions: Mapping[str, str] = Field(
        default={},
        description="tag of the images for productions whose names begin so: SERVICE-TAG.sif",
    )

    def path(self, service: str, production: str | None) -> Path:
        """Return the image of a stage for models of a production.

        Models may only be read by the lstchain that trained them.
        """
        fitting = [tag for tag in self.productions if production and production.startswith(tag)]
        suffix = f"-{self.productions[max(fitting, key=len)]}" if fitting else ""
        return self.directory / f"{service}{suffix}.sif"


class Site(Frozen):
    """One installation. Relative paths are relative to the site file."""

    name: str
    tree: Path = Field(description="the run tree")
    environments: Path = Field(description="one Python environment per service, named like it")
    images: Images | None = Field(
        default=None, description="run the stages in images, not in environments"
    )
    archive: Archive
    execution: Execution = LocalExecution()
    broker: Broker | None = Field(default=None, description="only daemons need one")
    resources: Mapping[str, Resources] = Field(
        default={}, description="of a service's jobs, where they are not those it declares"
    )

    @field_validator("archive")
    @classmethod
    def _only_known_placeholders(cls, archive: Archive) -> Archive:
        for name, template in archive.model_dump(exclude={"production"}).items():
            _check_template(name, template)
        return archive

    def reject_foreign_paths(self, manifest: Manifest) -> None:
        """Accept only files below this site's run tree or where its archive lies.

        Raises
        ------
        ManifestRejected
            If another path stands in the manifest.
        """
        roots = [self.tree, *self.archive_roots()]
        for path in _paths(manifest):
            plain = Path(os.path.normpath(path))
            if not plain.is_absolute() or not any(plain.is_relative_to(root) for root in roots):
                raise ManifestRejected(
                    f"{path} lies outside the run tree and the archive of site {self.name}"
                )

    def archive_roots(self) -> list[Path]:
        """Return the directories below which everything lies that FOA reads."""
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
            content[name] = _resolve(base, content[name])
    for name, literal in (("images", ("productions",)), ("archive", ("production",))):
        if isinstance(section := content.get(name), dict):
            content[name] = {
                key: value if key in literal else _resolve(base, value)
                for key, value in section.items()
            }
    return validate(Site, content, path)


def _check_template(name: str, template: str) -> None:
    """Check that a template of paths can be filled in.

    Raises
    ------
    ValueError
        Naming what is wrong in it.
    """
    try:
        fields = {(field, spec) for _, field, spec, _ in Formatter().parse(template) if field}
    except ValueError as error:
        raise ValueError(f"{name}: {template}: {error}") from error
    if unknown := fields - PLACEHOLDERS:
        known = ", ".join(sorted(f"{{{f}:{s}}}" if s else f"{{{f}}}" for f, s in PLACEHOLDERS))
        wrong = ", ".join(sorted(field for field, _ in unknown))
        raise ValueError(f"{name}: unknown placeholder or format of {wrong}: known are {known}")
    if "**" in template or "{}" in template:
        raise ValueError(f"{name}: {template}: neither ** nor {{}} may stand in a path")


def _paths(content: Any) -> Iterator[Path]:
    """Yield every path in a manifest."""
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
    """Return the directory above everything that varies in a template of paths."""
    parts = Path(template).parts
    return Path(*takewhile(lambda part: not set(part) & set("{*?["), parts))


def _resolve(base: Path, path: Any) -> Any:
    """Resolve a relative path lexically: templates hold characters that no file name may have."""
    if not isinstance(path, str):
        return path
    parts: list[str] = []
    for part in (base / path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))
