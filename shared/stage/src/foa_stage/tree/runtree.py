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
from collections.abc import Iterator
from dataclasses import dataclass
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
    write_manifest,
)
from foa_stage.tree.documents import (
    LinkedWork,
    Unreadable,
    age_of,
    make_newest,
    read_document,
    read_link,
    spell_fault,
    subject_of,
)
from foa_stage.tree.files import link_atomic, write_atomic
from foa_stage.tree.mailbox import Mailbox
from foa_stage.tree.work import Attempt, Work

M = TypeVar("M", bound=Manifest)
R = TypeVar("R", bound=RunManifest)


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
        return [path.parent.name for path in sorted(paths, key=age_of)]

    def request_ids_by_activity(self) -> list[str]:
        """Return the ids of all requests, first that about which something was recorded last."""
        paths = self.root.glob("requests/*/manifests")
        return [path.parent.name for path in sorted(paths, key=age_of, reverse=True)]

    def request(self, request_id: str) -> Request | Unreadable:
        """Read a request."""
        path = self.request_directory(request_id) / "request.json"
        try:
            return Request.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            return Unreadable(path, spell_fault(error))

    def known(self, request: Request) -> Request:
        """Return the recorded request that asks for the same, else this one.

        So a request file asks for the same request after an upgrade that gives models new fields.
        """
        recorded = map(self.request, self.request_ids(request.subject))
        same = (one for one in recorded if isinstance(one, Request) and one.asks_the_same(request))
        return next(same, request)

    def reject_false_identity(self, manifest: Manifest) -> None:
        """Refuse a manifest that has the id, of its own or of its request, of another document.

        Raises
        ------
        ManifestRejected
            Naming the id.
        """
        request = manifest.request
        recorded = self.request(request.id)
        if isinstance(recorded, Request) and not recorded.asks_the_same(request):
            raise ManifestRejected(f"another request has the id {request.id}")
        path = self._manifest_path(manifest)
        known = read_document(path) if path.exists() else manifest
        if not isinstance(known, Unreadable) and known != manifest:
            raise ManifestRejected(
                f"another {manifest.kind} of {request.id} has the id {manifest.id}"
            )

    def record(self, manifest: Manifest) -> None:
        """Keep a manifest; one known already becomes the newest of its kind on its run again.

        Raises
        ------
        ManifestRejected
            If it has the id of another document.
        """
        self.reject_false_identity(manifest)
        directory = self.request_directory(manifest.request.id)
        if not (directory / "request.json").exists():
            content = manifest.request.model_dump_json(indent=1)
            write_atomic(directory / "request.json", content.encode())
        path = self._manifest_path(manifest)
        others = [
            other for other in path.parent.glob(f"{subject_of(manifest)}.*.json") if other != path
        ]
        if not path.exists():
            write_atomic(path, write_manifest(manifest))
        elif others or not obs_id_of(manifest):  # a run keeps its place among the runs
            path.touch()
        make_newest(path, others)
        if isinstance(manifest, AnalysisReady):
            self._link_results(manifest)

    def _link_results(self, manifest: AnalysisReady) -> None:
        """Give new results the next version: a link to where they were made."""
        results = self.results(manifest.request.id)
        results.mkdir(parents=True, exist_ok=True)
        versions = self.result_versions(manifest.request.id)
        if manifest.directory not in [version.resolve() for version in versions]:
            (results / f"{len(versions) + 1:03d}-{manifest.phase}").symlink_to(manifest.directory)

    def link_work(self, manifest: Manifest, work: Work, *, per_run: bool) -> None:
        """Let the request show which work it led to."""
        obs_id = obs_id_of(manifest) if per_run else 0
        jobs = self.request_directory(manifest.request.id) / "jobs"
        link_atomic(jobs / f"{work.stage}.{obs_id:05d}", work.directory)

    def linked_works(self, request_id: str) -> list[LinkedWork]:
        """Return the newest work of a request for every stage and run."""
        links = sorted((self.request_directory(request_id) / "jobs").glob("[!.]*.[0-9]*"))
        return [read_link(link) for link in links if link.is_symlink()]

    def manifests(self, request_id: str, kind: type[M], obs_id: int | None = None) -> list[M]:
        """Return the readable manifests of a kind, on one run or on all, oldest first."""
        run = "*" if obs_id is None else f"{obs_id:05d}"
        paths = self._manifest_paths(request_id, f"{kind_of(kind)}.{run}.*.json")
        found = [read_document(path) for path in sorted(paths, key=age_of)]
        return [manifest for manifest in found if isinstance(manifest, kind)]

    def unreadable(self, request_id: str) -> list[Unreadable]:
        """Return the manifests of a request that this version cannot read."""
        found = map(read_document, sorted(self._manifest_paths(request_id, "[!.]*.json")))
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
        for path in self._manifest_paths(request_id, "[!.]*.[0-9]*.*.json"):
            kind, obs_id, _ = path.name.removesuffix(".json").rsplit(".", 2)
            runs = found.setdefault(kind, {})
            runs[int(obs_id)] = max(runs.get(int(obs_id), 0.0), path.stat().st_mtime)
        return found

    def _manifest_path(self, manifest: Manifest) -> Path:
        directory = self.request_directory(manifest.request.id) / "manifests"
        return directory / f"{subject_of(manifest)}.{manifest.id}.json"

    def _manifest_paths(self, request_id: str, pattern: str) -> Iterator[Path]:
        return (self.request_directory(request_id) / "manifests").glob(pattern)
