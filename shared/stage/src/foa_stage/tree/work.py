"""A piece of work: the request to a stage, the attempts at it, how it ended."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, ValidationError

from foa_stage.jobs import Died, JobState, Resources
from foa_stage.manifests import Frozen, Product, canonical_json
from foa_stage.tree.files import locked, read_tail, sha256_of, write_atomic


class Report(Frozen):
    """How a piece of work ended.

    Written once, by the stage, or by its service when the stage could not.
    """

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
    resources: Resources | None = Field(
        default=None,
        description="what the job could have used",
        validation_alias=AliasChoices("resources", "asked"),  # the name until version 0.1
    )

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Read the report in a directory of work; None if there is none that can be read."""
        try:
            return cls.model_validate_json((directory / "report.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def product(self, role: str) -> Product:
        """Return the product of this role."""
        return next(product for product in self.products if product.role == role)

    def missing(self) -> list[Path]:
        """Return the products that are no longer there, or no longer of their size."""
        return [
            p.path for p in self.products if not p.path.is_file() or p.path.stat().st_size != p.size
        ]

    def corrupt(self) -> list[Path]:
        """Return the products whose content is not what the stage wrote."""
        return [p.path for p in self.products if sha256_of(p.path) != p.sha256]


@dataclass(frozen=True)
class Attempt:
    """One attempt at a piece of work: one job."""

    work: "Work"
    number: int

    @property
    def name(self) -> str:
        """Name the job by stage, key and attempt, so that it is found again wherever it runs.

        `RunTree.attempt` is the inverse.
        """
        return f"foa-{self.work.stage}-{self.work.key}-{self.number}"

    @property
    def directory(self) -> Path:
        """Return the directory of intent, output and ending."""
        return self.work.directory / f"attempt-{self.number}"

    def begin(self, resources: Resources) -> None:
        """Write down the intent to submit, with what the job may use."""
        write_atomic(self.directory / "resources.json", canonical_json(resources))

    @property
    def submitted(self) -> float:
        """Return when the intent to submit it was written, as Unix time."""
        return (self.directory / "resources.json").stat().st_mtime

    @property
    def running(self) -> bool:
        """Tell whether the job runs: `out` exists from its start, the report from its end."""
        started = (self.directory / "out").exists()
        return started and not self.ended and self.work.last_report() is None

    def resources(self) -> Resources:
        """Read what the job may use."""
        return Resources.model_validate_json((self.directory / "resources.json").read_bytes())

    def record_ending(self, death: Died | None) -> None:
        """Write down how the job ended; None: it completed."""
        content = death.__dict__ if death else {}
        write_atomic(self.directory / "conclusion.json", canonical_json(content))

    @property
    def ended(self) -> bool:
        """Tell whether the job's ending has been recorded."""
        return (self.directory / "conclusion.json").exists()

    def death(self) -> Died | None:
        """Read how the job died, if it did."""
        if not self.ended:
            return None
        content = json.loads((self.directory / "conclusion.json").read_bytes())
        if "node" in content:  # the name of `host` until version 0.1
            content["host"] = content.pop("node")
        return Died(**(content | {"state": JobState(content["state"])})) if content else None

    def log_tail(self, lines: int = 20) -> str:
        """Read the end of what the job wrote on stderr."""
        return read_tail(self.directory / "err", lines)


@dataclass(frozen=True)
class Work:
    """One piece of work: a stage and the digest of everything that determines its result."""

    stage: str
    key: str
    directory: Path

    @classmethod
    def at(cls, directory: Path) -> Self:
        """Return the piece of work that lies in `<tree>/work/<stage>/<key>`."""
        return cls(directory.parent.name, directory.name, directory)

    @property
    def request(self) -> Path:
        """Return the path of the request to the stage."""
        return self.directory / "request.json"

    @property
    def products(self) -> Path:
        """Return the directory the stage writes to."""
        return self.directory / "products"

    def cache(self, name: str) -> Path:
        """Return a directory of the tree for what any work may reuse and make again."""
        return self.directory.parents[2] / "cache" / name

    def part(self, stage: str, key: str) -> Self:
        """Return a piece of work of another stage in the same tree, which this one may share."""
        return self.at(self.directory.parents[1] / stage / key)

    def attempts(self) -> list[Attempt]:
        """Return all attempts in order; one counts as soon as its resources.json exists."""
        intents = self.directory.glob("attempt-*/resources.json")
        numbers = sorted(int(path.parent.name.removeprefix("attempt-")) for path in intents)
        return [Attempt(self, number) for number in numbers]

    def resources(self) -> Resources | None:
        """Return what the newest job of this work may use; None if none was submitted."""
        attempts = self.attempts()
        return attempts[-1].resources() if attempts else None

    def lock(self) -> AbstractContextManager[None]:
        """Hold the right to decide what becomes of this work; replicas of a service share it."""
        return locked(self.directory / "lock")

    def deaths(self, last: Attempt) -> list[Died]:
        """Return how the attempts up to `last` died, since the last one that did not."""
        attempts = [attempt for attempt in self.attempts() if attempt.number <= last.number]
        deaths = takewhile(bool, (attempt.death() for attempt in reversed(attempts)))
        return [death for death in deaths if death][::-1]

    def report(self) -> Report | None:
        """Read the report, if the work has ended and all its products are still there."""
        report = self.last_report()
        return report if report and not report.missing() else None

    def last_report(self) -> Report | None:
        """Read the report, whatever has become of the products; None if none can be read."""
        return Report.read(self.directory)

    def write_report(self, report: Report) -> None:
        """Write down how the work ended."""
        write_atomic(self.directory / "report.json", report.model_dump_json(indent=1).encode())

    def forget(self) -> None:
        """Drop the report, so that the work is done again when next asked for."""
        (self.directory / "report.json").unlink(missing_ok=True)
