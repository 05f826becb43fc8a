"""Manifests that must not be forgotten: not yet sent, or not yet answered."""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path

from foa_stage.manifests import Manifest, ManifestRejected, Message, read_manifest, write_manifest
from foa_stage.tree.files import write_atomic


@dataclass(frozen=True)
class Mailbox:
    """A directory of manifests, one file each, named by kind and id."""

    directory: Path

    def put(self, manifest: Manifest) -> None:
        """Keep a manifest; one that is here already stays where it is in the order."""
        if manifest not in self:
            write_atomic(self.path(manifest), write_manifest(manifest))

    def remove(self, manifest: Message) -> None:
        """Drop a manifest, if it is here."""
        self.path(manifest).unlink(missing_ok=True)

    def __contains__(self, manifest: Message) -> bool:
        """Tell whether a manifest is kept here."""
        return self.path(manifest).exists()

    def __len__(self) -> int:
        """Count the manifests."""
        return sum(1 for _ in self.directory.glob("[!.]*.json"))

    def paths(self, before: float = math.inf) -> list[Path]:
        """Return the files of manifests that were put here before a Unix time, oldest first."""
        found = []
        for path in self.directory.glob("[!.]*.json"):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime_ns, path.name, path))
        return [path for time_ns, _, path in sorted(found) if time_ns < before * 1e9]

    def all(self) -> list[Manifest]:
        """Return all manifests, oldest first; files that cannot be read stay where they are."""
        return [manifest for path in self.paths() if (manifest := self.read(path))]

    @staticmethod
    def read(path: Path) -> Manifest | None:
        """Read a manifest; None if it is gone, or cannot be read."""
        with contextlib.suppress(FileNotFoundError, ManifestRejected):
            return read_manifest(path.read_bytes())
        return None

    @staticmethod
    def id_of(path: Path) -> str:
        """Return the id of the manifest in a file, by the file's name."""
        return path.name.split(".")[-2]

    def path(self, manifest: Message) -> Path:
        """Return the file of a manifest, kept here or not."""
        return self.directory / f"{manifest.kind}.{manifest.id}.json"
