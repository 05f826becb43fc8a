"""Admit only manifests whose files lie where this site keeps such files."""

import errno
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Any, Literal

from pydantic import BaseModel

from foa_stage.manifests import (
    Archive,
    FileStamp,
    Manifest,
    ManifestRejected,
    Models,
    Product,
    TestNode,
)

Claim = tuple[Literal["run tree", "archive", "template", "name", "role"], str]
"""A path or a part of one in a manifest, and what it must be.

Products lie in the run tree; everything that FOA only reads, and no product, in the archive. Models
are pickles, whose code is executed when they are loaded: none is read from the run tree, which
every stage may write to.
"""
PLACEHOLDERS = {("night", ""), ("obs_id", "05d"), ("production", ""), ("line", "")}
"""Of templates of paths, with their formats."""


class Admission:
    """Examines the paths of one manifest; looks at each directory once."""

    def __init__(self, site: str, tree: Path, archive: Sequence[Path]) -> None:
        """Take the name of the site, its run tree, and the roots of its archive."""
        self._site = site
        self._resolved: dict[Path, Path] = {}
        self._tree = _spell_directory(self._resolve(tree))
        self._archive = tuple(_spell_directory(self._resolve(root)) for root in archive)

    def examine(self, manifest: Manifest) -> None:
        """Accept a manifest whose paths all lie, with links resolved, where they must.

        Raises
        ------
        ManifestRejected
            Naming the first path that does not, and where it leads.
        """
        checks: dict[str, Callable[[str], None]] = {
            "run tree": lambda path: self._check_path("run tree", Path(path)),
            "archive": lambda path: self._check_path("archive", Path(path)),
            "template": self._check_template,
            "name": _check_name,
            "role": _check_role,
        }
        for kind, text in _claims(manifest):
            checks[kind](text)

    def _check_template(self, template: str) -> None:
        try:
            check_template(template)
        except ValueError as error:
            raise ManifestRejected(str(error)) from error
        self._check_path("archive", fixed_part(template))

    def _check_path(self, place: str, path: Path) -> None:
        plain = path.is_absolute() and ".." not in path.parts and "\0" not in str(path)
        real = self._resolve(path) if plain else path
        leads = str(path) if real == path else f"{path} leads to {real}, which"
        spelled = _spell_directory(real)
        in_tree, in_archive = spelled.startswith(self._tree), spelled.startswith(self._archive)
        if not plain or not (in_tree or in_archive):
            raise ManifestRejected(
                f"{leads} lies outside the run tree and the archive of site {self._site}"
            )
        if in_tree != (place == "run tree"):
            found = "run tree" if in_tree else "archive"
            raise ManifestRejected(
                f"{leads} lies in the {found} of site {self._site}, not in its {place}"
            )

    def _resolve(self, path: Path) -> Path:
        """Follow all links in a path, whether anything is there or not.

        A file system that does not answer says nothing about the manifest: its errors are raised.
        """
        try:
            return self._follow(path)
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, endless paths
            if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
                raise
            raise ManifestRejected(f"{str(path)[:200]} cannot be resolved: {error}") from error

    def _follow(self, path: Path) -> Path:
        if path not in self._resolved:
            joined = self._follow(path.parent) / path.name if path.name else path
            self._resolved[path] = joined.resolve() if joined.is_symlink() else joined
        return self._resolved[path]


def check_template(template: str) -> None:
    """Check that a template of paths can be filled in, and stays below its fixed part.

    Raises
    ------
    ValueError
        Naming what is wrong in it.
    """
    _check_placeholders(template)
    if "**" in template or "{}" in template:
        raise ValueError(f"{template}: neither ** nor {{}} may stand in a path")
    if not template.startswith("/") or ".." in PurePosixPath(template).parts:
        raise ValueError(f"{template}: not an absolute path without ..")


def _check_placeholders(template: str) -> None:
    try:
        fields = {(field, spec) for _, field, spec, _ in Formatter().parse(template) if field}
    except ValueError as error:
        raise ValueError(f"{template}: {error}") from error
    if unknown := fields - PLACEHOLDERS:
        known = ", ".join(sorted(f"{{{f}:{s}}}" if s else f"{{{f}}}" for f, s in PLACEHOLDERS))
        wrong = ", ".join(sorted(field for field, _ in unknown))
        raise ValueError(f"unknown placeholder or format of {wrong}: known are {known}")


def templates_of(archive: Archive) -> dict[str, str]:
    """Return the templates of an archive by name."""
    return dict(archive.model_dump(exclude={"production"}))


def fixed_part(template: str) -> Path:
    """Return the directory above everything that varies in a template of paths."""
    parts = Path(template).parts
    return Path(*takewhile(lambda part: not set(part) & set("{*?["), parts))


def _claims(content: Any) -> Iterator[Claim]:
    """Yield every path in a manifest, and every name that paths are made with."""
    match content:
        case FileStamp():
            yield "archive", str(content.path)
        case Path():  # of whatever FOA made
            yield "run tree", str(content)
        case Archive():
            yield "name", content.production
            yield from (("template", template) for template in templates_of(content).values())
        case BaseModel():
            yield from _claims_of_fields(content)
        case tuple():
            yield from (claim for part in content for claim in _claims(part))


def _claims_of_fields(content: BaseModel) -> Iterator[Claim]:
    fields = dict(content)
    match content:
        case Product():
            yield "role", fields.pop("role")
        case TestNode():
            yield "name", fields.pop("name")
        case Models():
            yield from (("name", fields.pop(name)) for name in ("production", "line"))
            yield "archive", str(fields.pop("directory"))
    for value in fields.values():
        yield from _claims(value)


def _check_name(name: str) -> None:
    """Refuse a name that would lead elsewhere as a part of a path."""
    if set(name) & set("/\0") or name in (".", ".."):
        raise ManifestRejected(f"{name!r} stands where a name should, and leads elsewhere")


def _check_role(role: str) -> None:
    """Refuse a role that would lead elsewhere as a relative path."""
    path = PurePosixPath(role)
    if path.is_absolute() or ".." in path.parts:
        raise ManifestRejected(
            f"{role!r} stands where a product's role should, and leads elsewhere"
        )


def _spell_directory(path: Path) -> str:
    """Spell a path so that it begins those of everything below it."""
    return f"{path}/" if path.name else str(path)
