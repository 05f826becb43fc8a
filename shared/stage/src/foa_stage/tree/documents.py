"""Documents of a request in the tree: names of their files, their order, and reading them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from foa_stage.manifests import Manifest, ManifestRejected, obs_id_of, read_manifest
from foa_stage.tree.work import Work


@dataclass(frozen=True)
class Unreadable:
    """A document that this version cannot read."""

    path: Path
    reason: str


@dataclass(frozen=True)
class LinkedWork:
    """Work that a request led to."""

    stage: str
    obs_id: int
    """0 where the work concerns all runs."""
    work: Work
    linked: float
    """When, as Unix time."""


def read_link(link: Path) -> LinkedWork:
    """Read the link to a piece of work."""
    stage, obs_id = link.name.rsplit(".", 1)
    return LinkedWork(stage, int(obs_id), Work.at(link.readlink()), link.lstat().st_mtime)


@lru_cache(maxsize=8192)
def read_document(path: Path) -> Manifest | Unreadable:
    """Read a manifest once: its content never changes, since its name holds its identity."""
    try:
        return read_manifest(path.read_bytes())
    except ManifestRejected as error:
        return Unreadable(path, str(error))


def subject_of(manifest: Manifest) -> str:
    """Return the beginning of the name of a manifest's file."""
    return f"{manifest.kind}.{obs_id_of(manifest):05d}"


def spell_fault(error: Exception) -> str:
    """Say in a line why a document cannot be read."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
    return str(error)


def age_of(path: Path) -> tuple[int, str]:
    """Return what orders documents, oldest first."""
    return path.stat().st_mtime_ns, path.name


def make_newest(path: Path, others: Iterable[Path]) -> None:
    """Date a file after others: the file system's clock is too coarse to order them."""
    newest = max((other.stat().st_mtime_ns for other in others), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 1, newest + 1))
