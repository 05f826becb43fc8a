"""A piece of work: what was asked, the attempts at it, how it ended."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from foa.jobs.model import Died, JobState, Resources
from foa.manifests import Frozen, Product, canonical_json
from foa.tree.files import locked, sha256_of, write_atomic


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
    started: float = 0.0
    """When the stage's process began, as Unix time."""
    wall_s: float = 0.0
    peak_memory_mib: int = 0
    asked: Resources | None = None
    """What the job could have used."""

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

    @property
    def submitted(self) -> float:
        """When somebody meant to submit it, as Unix time."""
        return (self.directory / "resources.json").stat().st_mtime

    @property
    def running(self) -> bool:
        """Whether the job runs now: executors make its output when they start it, the stage ends with a report."""
        return (self.directory / "out").exists() and not self.concluded and self.work.last_report() is None

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
        """All tries so far, in order; who was killed before the intent was written down has not tried."""
        intents = self.directory.glob("attempt-*/resources.json")
        numbers = sorted(int(path.parent.name.removeprefix("attempt-")) for path in intents)
        return [Attempt(self, number) for number in numbers]

    def lock(self) -> AbstractContextManager[None]:
        """Decide alone what becomes of this work: replicas of a service share it."""
        return locked(self.directory / "lock")

    def deaths(self, last: Attempt) -> list[Died]:
        """How the attempts up to `last` died, since the last one that did not."""
        attempts = [attempt for attempt in self.attempts() if attempt.number <= last.number]
        reversed_attempts = takewhile(lambda attempt: attempt.death(), reversed(attempts))
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
