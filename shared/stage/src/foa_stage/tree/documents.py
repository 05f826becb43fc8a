"""Documents of a request in the tree: names of their files, and reading them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from foa_stage.manifests import (
    Manifest,
    ManifestRejected,
    Message,
    obs_id_of,
    read_manifest,
)
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


def read_link(link: Path) -> LinkedWork | None:
    """Read the link to a piece of work; None if it is none: people may leave files here."""
    stage, _, obs_id = link.name.rpartition(".")
    if not (link.is_symlink() and stage and obs_id.isdecimal()):
        return None
    return LinkedWork(stage, int(obs_id), Work.at(link.readlink()))


def read_document(path: Path) -> Manifest | Unreadable:
    """Read a manifest, or say why it cannot be read."""
    try:
        return _read_once(path)
    except OSError as error:
        return Unreadable(path, error.strerror or str(error))


@lru_cache(maxsize=512)
def _read_once(path: Path) -> Manifest | Unreadable:
    """Read a manifest once: its content never changes, since its name holds its identity."""
    try:
        return read_manifest(path.read_bytes())
    except ManifestRejected as error:
        return Unreadable(path, str(error))


def name_of(manifest: Manifest) -> str:
    """Return the path of a manifest's file below the directory of manifests."""
    return name_in(manifest.generation, manifest)


def name_in(generation: str, message: Message) -> str:
    """Return the path of the file of what was told in a generation, or stands in place of one."""
    file = f"{message.kind}.{obs_id_of(message):05d}.{message.id}.json"
    return f"{generation}/{file}" if generation else file


def spell_fault(error: Exception) -> str:
    """Say in a line why a document cannot be read."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
    return str(error)
