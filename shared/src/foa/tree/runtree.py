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

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from foa.jobs.model import Died, JobState, Resources
from foa.manifests import (
    AnalysisReady,
    Frozen,
    Manifest,
    Product,
    Request,
    canonical_json,
    read_manifest,
    write_manifest,
)
from foa.tree.files import sha256_of, write_atomic
from foa.tree.mailbox import Mailbox

M = TypeVar("M", bound=Manifest)


class Report(Frozen):
    """How a piece of work ended: written once, by the stage, or by its service when the stage could not."""

    outcome: Literal["done", "failed"]
    exit_code: int
    reason: str = ""
    log_tail: str = ""
    products: tuple[Product, ...] = ()
    facts: dict[str, Any] = {}
    """What the next stages need to know besides the products."""
    versions: dict[str, str] = {}
    wall_s: float = 0.0
    peak_memory_mib: int = 0

    @classmethod
    def read(cls, directory: Path) -> "Report | None":
        """The report in a directory of work; None if there is none that can be read."""
        try:
            return cls.model_validate_json((directory / "report.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def product(self, role: str) -> Product:
        """The product of this role."""
        return next(product for product in self.products if product.role == role)

    def missing(self) -> list[Path]:
        """Products that are no longer there, or no longer of their size."""
        return [p.path for p in self.products if not p.path.is_file() or p.path.stat().st_size != p.size]

    def corrupt(self) -> list[Path]:
        """Products whose content is not what the stage wrote."""
        return [p.path for p in self.products if sha256_of(p.path) != p.sha256]


@dataclass(frozen=True)
class Attempt:
    """One try at a piece of work."""

    work: "Work"
    number: int

    @property
    def name(self) -> str:
        """Name of the job; carries stage, key and attempt, so that it is found again wherever it runs."""
        return f"foa-{self.work.stage}-{self.work.key}-{self.number}"

    @property
    def directory(self) -> Path:
        """Where intent, output and ending lie."""
        return self.work.directory / f"attempt-{self.number}"

    def begin(self, resources: Resources) -> None:
        """Write down the intent to submit, with what the job may use."""
        write_atomic(self.directory / "resources.json", canonical_json(resources))

    def resources(self) -> Resources:
        """What the job may use."""
        return Resources.model_validate_json((self.directory / "resources.json").read_bytes())

    def conclude(self, death: Died | None) -> None:
        """Write down how the job ended: `death`, or well."""
        content = death.__dict__ if death else {}
        write_atomic(self.directory / "conclusion.json", canonical_json(content))

    @property
    def concluded(self) -> bool:
        """Whether its ending has been noticed."""
        return (self.directory / "conclusion.json").exists()

    def death(self) -> Died | None:
        """How the job died, if it has."""
        if not self.concluded:
            return None
        content = json.loads((self.directory / "conclusion.json").read_bytes())
        return Died(**(content | {"state": JobState(content["state"])})) if content else None

    def log_tail(self, lines: int = 20) -> str:
        """End of what the job wrote on stderr."""
        path = self.directory / "err"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


@dataclass(frozen=True)
class Work:
    """One piece of work: a stage and the digest of everything that determines its result."""

    stage: str
    key: str
    directory: Path

    @property
    def request(self) -> Path:
        """What the stage is asked to do."""
        return self.directory / "request.json"

    @property
    def products(self) -> Path:
        """Where the stage writes."""
        return self.directory / "products"

    def attempts(self) -> list[Attempt]:
        """All tries so far, in order."""
        numbers = sorted(int(path.name.removeprefix("attempt-")) for path in self.directory.glob("attempt-*"))
        return [Attempt(self, number) for number in numbers]

    def deaths(self) -> list[Died]:
        """How the last attempts died, since the last one that did not."""
        reversed_attempts = takewhile(lambda attempt: attempt.death(), reversed(self.attempts()))
        return [death for attempt in reversed_attempts if (death := attempt.death())][::-1]

    def report(self) -> Report | None:
        """The report, if the work has ended and all its products are still there."""
        report = self.last_report()
        return report if report and not report.missing() else None

    def last_report(self) -> Report | None:
        """The report, whatever has become of the products; None if there is none that can be read."""
        return Report.read(self.directory)

    def write_report(self, report: Report) -> None:
        """Say how the work ended."""
        write_atomic(self.directory / "report.json", report.model_dump_json(indent=1).encode())

    def forget(self) -> None:
        """Drop the report, so that the work is done again when next asked for."""
        (self.directory / "report.json").unlink(missing_ok=True)


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
        """Keep a manifest; one that is known already becomes the newest of its kind again."""
        directory = self.request_directory(manifest.request.id)
        if not (directory / "request.json").exists():
            write_atomic(directory / "request.json", manifest.request.model_dump_json(indent=1).encode())
        path = directory / "manifests" / f"{manifest.kind}.{_obs_id(manifest):05d}.{manifest.id}.json"
        if path.exists():
            path.touch()
        else:
            write_atomic(path, write_manifest(manifest))
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

    def manifests(self, request_id: str, kind: type[M]) -> list[M]:
        """All manifests of a kind, oldest first."""
        directory = self.request_directory(request_id) / "manifests"
        paths = directory.glob(f"{kind.model_fields['kind'].default}.*.json")
        found = [read_manifest(path.read_bytes()) for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]
        return [manifest for manifest in found if isinstance(manifest, kind)]

    def newest_per_run(self, request_id: str, kind: type[M]) -> dict[int, M]:
        """The newest manifest of a kind for every run."""
        return {manifest.obs_id: manifest for manifest in self.manifests(request_id, kind)}  # type: ignore[union-attr]


def _obs_id(manifest: Manifest) -> int:
    """The run a manifest speaks of; 0 where it speaks of the whole request."""
    return int(getattr(manifest, "obs_id", 0))
