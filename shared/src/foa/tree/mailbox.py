"""Manifests that must not be forgotten: what is yet to be sent, what is yet to be answered."""

from dataclasses import dataclass
from pathlib import Path

from foa.manifests import Manifest, ManifestRejected, read_manifest, write_manifest
from foa.tree.files import write_atomic


@dataclass(frozen=True)
class Mailbox:
    """A directory of manifests, one file each, named by their ids."""

    directory: Path

    def put(self, manifest: Manifest) -> None:
        """Keep a manifest."""
        write_atomic(self._path(manifest), write_manifest(manifest))

    def remove(self, manifest: Manifest) -> None:
        """It is done with."""
        self._path(manifest).unlink(missing_ok=True)

    def __len__(self) -> int:
        """How many there are."""
        return sum(1 for _ in self.directory.glob("[!.]*.json"))

    def all(self) -> list[Manifest]:
        """What is still here, oldest first; files of another version are left for it."""
        found = []
        paths = [(path.stat().st_mtime_ns, path) for path in self.directory.glob("[!.]*.json")]
        for _, path in sorted(paths):
            try:
                found.append(read_manifest(path.read_bytes()))
            except (FileNotFoundError, ManifestRejected):
                continue
        return found

    def _path(self, manifest: Manifest) -> Path:
        return self.directory / f"{manifest.kind}.{manifest.id}.json"
