"""Manifests that must not be forgotten: not yet sent, or not yet answered."""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path

from foa_stage.manifests import Manifest, ManifestRejected, read_manifest, write_manifest
from foa_stage.tree.files import write_atomic


@dataclass(frozen=True)
class Mailbox:
    """A directory of manifests, one file each, named by kind and id."""

    directory: Path

    def put(self, manifest: Manifest) -> None:
        """Keep a manifest."""
        write_atomic(self._path(manifest), write_manifest(manifest))

    def remove(self, manifest: Manifest) -> None:
        """Drop a manifest, if it is here."""
        self._path(manifest).unlink(missing_ok=True)

    def __len__(self) -> int:
        """Count the manifests."""
        return sum(1 for _ in self.directory.glob("[!.]*.json"))

    def all(self, before: float = math.inf) -> list[Manifest]:
        """Return the manifests that were put here before a Unix time, oldest first.

        Files that cannot be read stay where they are.
        """
        found = []
        for path in self.directory.glob("[!.]*.json"):
            with contextlib.suppress(FileNotFoundError, ManifestRejected):
                manifest = read_manifest(path.read_bytes())
                found.append((path.stat().st_mtime_ns, path.name, manifest))
        old = [one for one in found if one[0] < before * 1e9]
        return [manifest for *_, manifest in sorted(old, key=lambda one: one[:2])]

    def _path(self, manifest: Manifest) -> Path:
        return self.directory / f"{manifest.kind}.{manifest.id}.json"
