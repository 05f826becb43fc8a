"""Every path of the run tree, and what lies there.

::

    requests/<request>/request.json
    requests/<request>/manifests/<kind>.<obs_id>.<id>.json
    requests/<request>/jobs/<stage>.<obs_id>          link to the work
    requests/<request>/results/001-first-look, 002-final, ...
    outbox/<service>/, pending/<service>/             manifests to send, manifests to answer
    work/<stage>/<key>/request.json report.json products/
    work/<stage>/<key>/attempt-1/ resources.json out err conclusion.json, and what the executor keeps there
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from foa.manifests import (
    AnalysisReady,
    Manifest,
    Request,
    read_manifest,
    write_manifest,
)
from foa.tree.files import write_atomic
from foa.tree.mailbox import Mailbox
from foa.tree.work import Work

M = TypeVar("M", bound=Manifest)


@dataclass(frozen=True)
class RunTree:
    """The run tree below `root`."""

    root: Path

    def outbox(self, service: str) -> Mailbox:
        """What a service has announced and the broker has not confirmed."""
        return Mailbox(self.root / "outbox" / service)

    def pending(self, service: str) -> Mailbox:
        """What a service was told and has not answered."""
        return Mailbox(self.root / "pending" / service)

    def work(self, stage: str, key: str) -> Work:
        """A piece of work, begun or not."""
        return Work(stage, key, self.root / "work" / stage / key)

    def works(self) -> Iterator[Work]:
        """Every piece of work ever begun."""
        for path in sorted(self.root.glob("work/*/*")):
            yield Work(path.parent.name, path.name, path)

    def request_directory(self, request_id: str) -> Path:
        """Where everything about a request lies."""
        return self.root / "requests" / request_id

    def requests(self) -> list[Request]:
        """Every request ever made, oldest first."""
        paths = sorted(self.root.glob("requests/*/request.json"), key=lambda path: path.stat().st_mtime_ns)
        return [Request.model_validate_json(path.read_bytes()) for path in paths]

    def results(self, request_id: str) -> Path:
        """Where the versions of a request's results lie."""
        return self.request_directory(request_id) / "results"

    def record(self, manifest: Manifest) -> None:
        """Keep a manifest; one that is known already becomes the newest of its kind on its run again."""
        directory = self.request_directory(manifest.request.id)
        if not (directory / "request.json").exists():
            write_atomic(directory / "request.json", manifest.request.model_dump_json(indent=1).encode())
        subject = f"{manifest.kind}.{_obs_id(manifest):05d}"
        path = directory / "manifests" / f"{subject}.{manifest.id}.json"
        others = [other for other in path.parent.glob(f"{subject}.*.json") if other != path]
        if not path.exists():
            write_atomic(path, write_manifest(manifest))
        elif others or _obs_id(manifest) == 0:  # what is said of a run once more keeps its place among the runs
            path.touch()
        _make_newest(path, others)
        if isinstance(manifest, AnalysisReady):
            self._link_results(manifest)

    def _link_results(self, manifest: AnalysisReady) -> None:
        """Give new results the next version: a link to what the analyzer made."""
        made = manifest.products[0].path.parent
        results = self.results(manifest.request.id)
        results.mkdir(parents=True, exist_ok=True)
        versions = sorted(results.iterdir())
        if made not in [version.resolve() for version in versions]:
            (results / f"{len(versions) + 1:03d}-{manifest.phase}").symlink_to(made)

    def link_work(self, manifest: Manifest, work: Work, *, per_run: bool) -> None:
        """Let the request show which work it led to: `jobs/<stage>.<obs_id>`, a link."""
        obs_id = _obs_id(manifest) if per_run else 0
        link = self.request_directory(manifest.request.id) / "jobs" / f"{work.stage}.{obs_id:05d}"
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary = link.with_name(f".{link.name}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(work.directory)
        temporary.replace(link)

    def linked_works(self, request_id: str) -> dict[tuple[str, int], Work]:
        """The newest work of a request by stage and run; the run is 0 where the work concerns all."""
        links = sorted((self.request_directory(request_id) / "jobs").glob("[!.]*"))
        return {(stage, int(obs_id)): Work(stage, link.readlink().name, link.readlink())
                for link in links for stage, obs_id in [link.name.rsplit(".", 1)]}  # fmt: skip

    def manifests(self, request_id: str, kind: type[M], obs_id: int | None = None) -> list[M]:
        """All manifests of a kind, or those that speak of a run, oldest first."""
        directory = self.request_directory(request_id) / "manifests"
        run = "*" if obs_id is None else f"{obs_id:05d}"
        paths = directory.glob(f"{_kind(kind)}.{run}.*.json")
        found = [_read(path) for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))]
        return [manifest for manifest in found if isinstance(manifest, kind)]

    def newest(self, request_id: str, kind: type[M], obs_id: int) -> M | None:
        """The newest manifest of a kind for a run, if there is any."""
        return next(reversed(self.manifests(request_id, kind, obs_id)), None)

    def told_runs(self, request_id: str, kind: type[M]) -> set[int]:
        """The runs that manifests of a kind speak of, by the names of their files alone."""
        directory = self.request_directory(request_id) / "manifests"
        return {int(path.name.split(".")[-3]) for path in directory.glob(f"{_kind(kind)}.*.json")}

    def newest_per_run(self, request_id: str, kind: type[M]) -> dict[int, M]:
        """The newest manifest of a kind for every run."""
        return {manifest.obs_id: manifest for manifest in self.manifests(request_id, kind)}  # type: ignore[union-attr]


def _kind(model: type[M]) -> str:
    return str(model.model_fields["kind"].default)


@lru_cache(maxsize=8192)
def _read(path: Path) -> Manifest:
    """Its name carries the digest of its content: what was read once stays true."""
    return read_manifest(path.read_bytes())


def _make_newest(path: Path, others: Iterable[Path]) -> None:
    """The file system's clock is too coarse to tell which of two manifests was said last."""
    newest = max((other.stat().st_mtime_ns for other in others), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 1, newest + 1))


def _obs_id(manifest: Manifest) -> int:
    """The run a manifest speaks of; 0 where it speaks of the whole request."""
    return int(getattr(manifest, "obs_id", 0))
