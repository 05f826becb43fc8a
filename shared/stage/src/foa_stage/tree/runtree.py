"""Every path of the run tree, and what lies there.

::

    requests/<request>/request.json
    requests/<request>/manifests/<kind>.<obs_id>.<id>.json
    requests/<request>/jobs/<stage>.<obs_id>          link to the work
    requests/<request>/results/001-first-look, 002-final, ...
    outbox/<service>/, pending/<service>/             manifests to send, manifests to answer
    work/<stage>/<key>/request.json report.json products/
    work/<stage>/<key>/attempt-1/resources.json out err conclusion.json, executor's own files
    cache/<name>/                                     what stages may reuse and make again
"""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from foa_stage.manifests import (
    AnalysisReady,
    Manifest,
    ManifestRejected,
    Product,
    Request,
    RunManifest,
    kind_of,
    obs_id_of,
    read_manifest,
    write_manifest,
)
from foa_stage.tree.files import link_atomic, write_atomic
from foa_stage.tree.mailbox import Mailbox
from foa_stage.tree.work import Attempt, Work

M = TypeVar("M", bound=Manifest)
R = TypeVar("R", bound=RunManifest)


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


@dataclass(frozen=True)
class RunTree:
    """The run tree below `root`."""

    root: Path

    @property
    def lock(self) -> Path:
        """Return the lock file of the one `foa run` that may be at work here."""
        return self.root / ".lock"

    def outbox(self, service: str) -> Mailbox:
        """Return what a service has announced and the broker has not confirmed."""
        return Mailbox(self.root / "outbox" / service)

    def pending(self, service: str) -> Mailbox:
        """Return what a service was told and has not answered."""
        return Mailbox(self.root / "pending" / service)

    def work(self, stage: str, key: str) -> Work:
        """Return a piece of work, begun or not."""
        return Work.at(self.root / "work" / stage / key)

    def works(self) -> Iterator[Work]:
        """Yield every piece of work ever begun."""
        yield from map(Work.at, sorted(self.root.glob("work/*/*")))

    def attempt(self, job_name: str) -> Attempt:
        """Return the attempt that a job's name stands for: the inverse of `Attempt.name`."""
        stage_and_key, number = job_name.removeprefix("foa-").rsplit("-", 1)
        stage, key = stage_and_key.rsplit("-", 1)
        return Attempt(self.work(stage, key), int(number))

    @staticmethod
    def holds(product: Product) -> bool:
        """Tell whether a product is still there."""
        return product.path.is_file()

    def request_directory(self, request_id: str) -> Path:
        """Return the directory of everything about a request."""
        return self.root / "requests" / request_id

    def results(self, request_id: str) -> Path:
        """Return the directory of the versions of a request's results."""
        return self.request_directory(request_id) / "results"

    def result_versions(self, request_id: str) -> list[Path]:
        """Return the links to the versions of a request's results, oldest first."""
        links = self.results(request_id).glob("[!.]*")
        return sorted(links, key=lambda link: (link.lstat().st_mtime, link.name))

    def request_ids(self, beginning: str = "") -> list[str]:
        """Return the ids of the requests that begin so, oldest first."""
        paths = self.root.glob(f"requests/{glob.escape(beginning)}*/request.json")
        return [path.parent.name for path in sorted(paths, key=_age)]

    def request(self, request_id: str) -> Request | Unreadable:
        """Read a request."""
        path = self.request_directory(request_id) / "request.json"
        try:
            return Request.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            return Unreadable(path, _first_line(error))

    def known(self, request: Request) -> Request:
        """Return the recorded request that asks for the same, else this one.

        So a request file asks for the same request after an upgrade that gives models new fields.
        """
        recorded = map(self.request, self.request_ids(request.subject))
        same = (one for one in recorded if isinstance(one, Request) and one.asks_the_same(request))
        return next(same, request)

    def record(self, manifest: Manifest) -> None:
        """Keep a manifest; one known already becomes the newest of its kind on its run again."""
        directory = self.request_directory(manifest.request.id)
        if not (directory / "request.json").exists():
            content = manifest.request.model_dump_json(indent=1)
            write_atomic(directory / "request.json", content.encode())
        subject = f"{manifest.kind}.{obs_id_of(manifest):05d}"
        path = directory / "manifests" / f"{subject}.{manifest.id}.json"
        others = [other for other in path.parent.glob(f"{subject}.*.json") if other != path]
        if not path.exists():
            write_atomic(path, write_manifest(manifest))
        elif others or not obs_id_of(manifest):  # a run keeps its place among the runs
            path.touch()
        _make_newest(path, others)
        if isinstance(manifest, AnalysisReady):
            self._link_results(manifest)

    def _link_results(self, manifest: AnalysisReady) -> None:
        """Give new results the next version: a link to where they were made."""
        made = manifest.products[0].path.parent
        results = self.results(manifest.request.id)
        results.mkdir(parents=True, exist_ok=True)
        versions = self.result_versions(manifest.request.id)
        if made not in [version.resolve() for version in versions]:
            (results / f"{len(versions) + 1:03d}-{manifest.phase}").symlink_to(made)

    def link_work(self, manifest: Manifest, work: Work, *, per_run: bool) -> None:
        """Let the request show which work it led to."""
        obs_id = obs_id_of(manifest) if per_run else 0
        jobs = self.request_directory(manifest.request.id) / "jobs"
        link_atomic(jobs / f"{work.stage}.{obs_id:05d}", work.directory)

    def linked_works(self, request_id: str) -> list[LinkedWork]:
        """Return the newest work of a request for every stage and run."""
        links = sorted((self.request_directory(request_id) / "jobs").glob("[!.]*"))
        return [_linked_work(link) for link in links]

    def manifests(self, request_id: str, kind: type[M], obs_id: int | None = None) -> list[M]:
        """Return the readable manifests of a kind, on one run or on all, oldest first."""
        run = "*" if obs_id is None else f"{obs_id:05d}"
        paths = self._manifest_paths(request_id, f"{kind_of(kind)}.{run}.*.json")
        found = [_read(path) for path in sorted(paths, key=_age)]
        return [manifest for manifest in found if isinstance(manifest, kind)]

    def unreadable(self, request_id: str) -> list[Unreadable]:
        """Return the manifests of a request that this version cannot read."""
        found = map(_read, sorted(self._manifest_paths(request_id, "[!.]*.json")))
        return [one for one in found if isinstance(one, Unreadable)]

    def newest(self, request_id: str, kind: type[M], obs_id: int) -> M | None:
        """Return the newest manifest of a kind on a run, if there is any."""
        return next(reversed(self.manifests(request_id, kind, obs_id)), None)

    def newest_per_run(self, request_id: str, kind: type[R]) -> dict[int, R]:
        """Return the newest manifest of a kind on every run."""
        return {manifest.obs_id: manifest for manifest in self.manifests(request_id, kind)}

    def announced_runs(self, request_id: str, kind: type[M]) -> set[int]:
        """Return the runs that manifests of a kind speak of, by the names of their files alone."""
        return set(self.announcements(request_id).get(kind_of(kind), {}))

    def announcements(self, request_id: str) -> dict[str, dict[int, float]]:
        """Return by kind and run when a manifest was recorded last (Unix time), without reading."""
        found: dict[str, dict[int, float]] = {}
        for path in self._manifest_paths(request_id, "[!.]*.json"):
            kind, obs_id, _ = path.name.removesuffix(".json").rsplit(".", 2)
            runs = found.setdefault(kind, {})
            runs[int(obs_id)] = max(runs.get(int(obs_id), 0.0), path.stat().st_mtime)
        return found

    def _manifest_paths(self, request_id: str, pattern: str) -> Iterator[Path]:
        return (self.request_directory(request_id) / "manifests").glob(pattern)


def _linked_work(link: Path) -> LinkedWork:
    stage, obs_id = link.name.rsplit(".", 1)
    return LinkedWork(stage, int(obs_id), Work.at(link.readlink()), link.lstat().st_mtime)


@lru_cache(maxsize=8192)
def _read(path: Path) -> Manifest | Unreadable:
    """Read a manifest once: its content never changes, since its name holds its identity."""
    try:
        return read_manifest(path.read_bytes())
    except ManifestRejected as error:
        return Unreadable(path, str(error))


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg']}"
    return str(error)


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def _make_newest(path: Path, others: Iterable[Path]) -> None:
    """Date a file after others: the file system's clock is too coarse to order them."""
    newest = max((other.stat().st_mtime_ns for other in others), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 1, newest + 1))
