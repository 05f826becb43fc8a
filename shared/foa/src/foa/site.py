"""The site file: where this installation finds its data and runs its jobs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from foa.admission import Admission, check_template, fixed_part, templates_of
from foa.bus.rabbitmq.address import Broker
from foa.executors import Execution, LocalExecution
from foa.retention import Retention
from foa.yaml_models import read_yaml, validate
from foa_stage.jobs import Resources
from foa_stage.manifests import Archive, Frozen, Manifest


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
    archive_leads_to: tuple[Path, ...] = Field(
        default=(), description="directories elsewhere that links in the archive lead to"
    )
    mount_point: Path | None = Field(
        default=None, description="of the file system of the run tree: it must be mounted there"
    )
    retention: Retention = Retention()
    execution: Execution = LocalExecution()
    broker: Broker | None = Field(default=None, description="only daemons need one")
    resources: Mapping[str, Resources] = Field(
        default={}, description="of a service's jobs, where they are not those it declares"
    )

    @field_validator("archive")
    @classmethod
    def _only_known_placeholders(cls, archive: Archive) -> Archive:
        for name, template in templates_of(archive).items():
            try:
                check_template(template)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        return archive

    def reject_foreign_paths(self, manifest: Manifest) -> None:
        """Accept only products below this site's run tree, and other files where its archive lies.

        Raises
        ------
        ManifestRejected
            If another path stands in the manifest.
        """
        Admission(self.name, self.tree, self.archive_roots()).examine(manifest)

    def mount_fault(self) -> str:
        """Say that the file system of the run tree is not mounted; empty if all is well."""
        if self.mount_point is None or self.mount_point.is_mount():
            return ""
        return f"{self.tree}: not mounted: no file system at {self.mount_point}"

    def archive_roots(self) -> list[Path]:
        """Return the directories below which everything lies that FOA reads."""
        fixed = map(fixed_part, templates_of(self.archive).values())
        return [*fixed, *self.archive_leads_to]


def read_site(path: Path) -> Site:
    """Read a site file.

    Raises
    ------
    FoaError
        If it cannot be read, or anything in it is missing, unknown or of the wrong kind.
    """
    content = read_yaml(path)
    base = path.resolve().parent
    for name in ("tree", "environments", "archive_leads_to", "mount_point"):
        if name in content:
            content[name] = _resolve(base, content[name])
    for name, literal in (("images", ("productions",)), ("archive", ("production",))):
        if isinstance(section := content.get(name), dict):
            content[name] = {
                key: value if key in literal else _resolve(base, value)
                for key, value in section.items()
            }
    return validate(Site, content, path)


def _resolve(base: Path, path: Any) -> Any:
    """Resolve a relative path lexically: templates hold characters that no file name may have."""
    if isinstance(path, list):
        return [_resolve(base, one) for one in path]
    if not isinstance(path, str):
        return path
    parts: list[str] = []
    for part in (base / path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))
