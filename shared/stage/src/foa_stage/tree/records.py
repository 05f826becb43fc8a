"""The documents of requests: what was told about each, in which order, and what counts."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from foa_stage.manifests import (
    AnalysisReady,
    Manifest,
    ManifestRejected,
    Request,
    RunManifest,
    View,
    kind_of,
    write_manifest,
)
from foa_stage.tree.documents import Unreadable, name_of, read_document
from foa_stage.tree.files import write_atomic
from foa_stage.tree.journal import Entry, Journal, has_length, journal_of
from foa_stage.tree.requests import Requests
from foa_stage.tree.results import ResultVersions

M = TypeVar("M", bound=Manifest)
R = TypeVar("R", bound=RunManifest)
V = TypeVar("V", bound=View)


@dataclass(frozen=True)
class RequestRecords(Requests):
    """The documents of all requests of the run tree below `root`.

    Every submission of a request opens a generation, and what follows from it names it. Unless a
    generation is named, a question is about the newest one.
    """

    def n_recorded(self, request_id: str) -> int:
        """Return the number of records of a request in its journal."""
        return self._journal(request_id).length()

    def is_unchanged(self, request_id: str, n_recorded: int) -> bool:
        """Tell whether nothing was recorded since there were so many records."""
        return has_length(self.request_directory(request_id), n_recorded)

    def record(self, manifest: Manifest) -> None:
        """Keep a manifest that follows now; it becomes the newest of its kind on its run.

        Raises
        ------
        ManifestRejected
            If it has the id of another document.
        """
        self._keep(manifest, again=True)

    def hear(self, manifest: Manifest) -> None:
        """Keep a manifest that somebody else recorded, if it is not seen here yet.

        Raises
        ------
        ManifestRejected
            If it has the id of another document.
        """
        self._keep(manifest, again=False)

    def _keep(self, manifest: Manifest, *, again: bool) -> None:
        """Write request, document and results where they are not there, then the entry."""
        self._reject_false_identity(manifest)
        request = self.request_directory(manifest.request.id) / "request.json"
        if not request.exists():
            write_atomic(request, manifest.request.model_dump_json(indent=1).encode())
        path = self._path(manifest.request.id, name_of(manifest))
        if not path.exists():
            self.n_recorded(manifest.request.id)  # read before: only what it finds is older
            write_atomic(path, write_manifest(manifest))
        if isinstance(manifest, AnalysisReady):
            self._results(manifest.request.id).keep(manifest)
        self._journal(manifest.request.id).add(name_of(manifest), again=again)

    def _reject_false_identity(self, manifest: Manifest) -> None:
        """Refuse a manifest that has the id, of its own or of its request, of another document."""
        request = manifest.request
        recorded = self.request(request.id)
        if isinstance(recorded, Request) and not recorded.asks_the_same(request):
            raise ManifestRejected(f"another request has the id {request.id}")
        path = self._path(request.id, name_of(manifest))
        known = read_document(path) if path.exists() else manifest
        if not isinstance(known, Unreadable) and known != manifest:
            raise ManifestRejected(
                f"another {manifest.kind} of {request.id} has the id {manifest.id}"
            )

    def generation(self, request_id: str) -> str:
        """Return the newest generation; the empty one if nothing was submitted."""
        return next(reversed(self._generations(request_id)), "")

    def is_superseded(self, request_id: str, generation: str) -> bool:
        """Tell whether a later submission of a request has opened another generation."""
        return generation in self._generations(request_id)[:-1]

    def _choose(self, request_id: str, generation: str | None) -> str:
        return self.generation(request_id) if generation is None else generation

    def _generations(self, request_id: str) -> list[str]:
        """Return the generations in the order in which they were opened."""
        return self._journal(request_id).generations()

    def announcements(
        self, request_id: str, generation: str | None = None
    ) -> dict[str, dict[int, int]]:
        """Return the number of the newest manifest by kind and run, without reading any.

        Runs stand in the order in which each kind first spoke of them.
        """
        chosen = self._choose(request_id, generation)
        told = self._journal(request_id).told(chosen)
        return {
            kind: {obs_id: entry.number for obs_id, entry in runs.items()}
            for kind, runs in told.items()
        }

    def number(
        self, request_id: str, kind: type[M], obs_id: int, generation: str | None = None
    ) -> int:
        """Return the number of the newest manifest of a kind on a run; 0 if there is none."""
        chosen = self._choose(request_id, generation)
        entry = self._journal(request_id).newest(chosen, kind_of(kind), obs_id)
        return entry.number if entry else 0

    def announced_runs(
        self, request_id: str, kind: type[M], generation: str | None = None
    ) -> set[int]:
        """Return the runs that manifests of a kind speak of, without reading any."""
        return set(self._told(request_id, kind, generation))

    def newest_per_run(
        self, request_id: str, kind: type[R], generation: str | None = None
    ) -> dict[int, R]:
        """Return the newest manifest of a kind on every run, the run told of first first."""
        entries = self._told(request_id, kind, generation).values()
        return {manifest.obs_id: manifest for manifest in self._read(request_id, kind, entries)}

    def views_per_run(
        self, request_id: str, kind: type[R], view: type[V], generation: str | None = None
    ) -> Iterator[tuple[int, V]]:
        """Yield run and view of the newest manifest of a kind on every run, as it is read.

        Runs come in the order in which they were first told of; what cannot be read is left out.
        """
        directory = self._manifests(request_id)
        for obs_id, entry in self._told(request_id, kind, generation).items():
            with suppress(ValidationError):
                yield obs_id, view.model_validate_json((directory / entry.name).read_bytes())

    def newest(
        self, request_id: str, kind: type[M], obs_id: int = 0, generation: str | None = None
    ) -> M | None:
        """Return the newest manifest of a kind on a run, if there is any."""
        chosen = self._choose(request_id, generation)
        entry = self._journal(request_id).newest(chosen, kind_of(kind), obs_id)
        return next(iter(self._read(request_id, kind, [entry] if entry else [])), None)

    def manifests(self, request_id: str, kind: type[M]) -> list[M]:
        """Return the readable manifests of a kind of all generations, oldest first."""
        entries = self._journal(request_id).entries()
        by_name = {one.name: one for one in entries if one.kind == kind_of(kind)}
        return self._read(request_id, kind, by_name.values())

    def unreadable(self, request_id: str) -> list[Unreadable]:
        """Return the manifests of a request that this version cannot read."""
        names = dict.fromkeys(entry.name for entry in self._journal(request_id).entries())
        found = (read_document(self._path(request_id, name)) for name in names)
        return [one for one in found if isinstance(one, Unreadable)]

    def result_versions(self, request_id: str) -> list[Path]:
        """Return the directories of the versions of a request's results, oldest first."""
        return self._results(request_id).all()

    def has_results(self, request_id: str) -> bool:
        """Tell whether results of a request were announced in any generation."""
        return self._journal(request_id).speaks_of(kind_of(AnalysisReady))

    def results_that_count(self, request_id: str) -> AnalysisReady | None:
        """Return what was said of the results that count; None if there are none.

        Those of the last generation that has any; there, final results before a first look.
        """
        ready = self.manifests(request_id, AnalysisReady)
        newest = [one for one in ready if one.generation == ready[-1].generation]
        final = [one for one in newest if one.phase == "final"]
        return next(reversed(final or newest), None)

    def newest_results(self, request_id: str) -> Path | None:
        """Return the directory of the results that count; None if there are none."""
        ready = self.results_that_count(request_id)
        if ready is None:
            return None
        return self._results(request_id).find(ready.directory) or ready.directory

    def _told(self, request_id: str, kind: type[M], generation: str | None) -> dict[int, Entry]:
        chosen = self._choose(request_id, generation)
        return self._journal(request_id).of_kind(chosen, kind_of(kind))

    def _read(self, request_id: str, kind: type[M], entries: Iterable[Entry]) -> list[M]:
        found = (read_document(self._path(request_id, entry.name)) for entry in entries)
        return [manifest for manifest in found if isinstance(manifest, kind)]

    def _journal(self, request_id: str) -> Journal:
        return journal_of(self.request_directory(request_id))

    def _manifests(self, request_id: str) -> Path:
        return self.request_directory(request_id) / "manifests"

    def _path(self, request_id: str, name: str) -> Path:
        return self._manifests(request_id) / name

    def _results(self, request_id: str) -> ResultVersions:
        return ResultVersions(self.request_directory(request_id) / "results")
