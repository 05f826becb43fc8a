"""A piece of work: the request to a stage, the attempts at it, how it ended."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from foa_stage.jobs import Died, JobState, Resources
from foa_stage.manifests import Frozen, canonical_json
from foa_stage.tree.files import locked, read_tail, write_atomic, write_once
from foa_stage.tree.report import Report

WAITING_NAME = "waiting"
"""File in an attempt's directory that holds why its job waits, in one line."""


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

    def withdraw(self) -> None:
        """Note that its job was cancelled because nobody asks for the work any more."""
        write_atomic(self.directory / "withdrawn", b"")

    @property
    def withdrawn(self) -> bool:
        """Tell whether its job was cancelled because nobody asked for the work any more."""
        return (self.directory / "withdrawn").exists()

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

    @property
    def waiting(self) -> str:
        """Return why the scheduler does not take the job yet, in its words; empty if it did."""
        return "" if self.ended else read_tail(self.directory / WAITING_NAME, lines=1)

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
        names = (path.parent.name.removeprefix("attempt-") for path in intents)
        return [Attempt(self, number) for number in sorted(int(n) for n in names if n.isdecimal())]

    def resources(self) -> Resources | None:
        """Return what the newest job of this work may use; None if none was submitted."""
        attempts = self.attempts()
        return attempts[-1].resources() if attempts else None

    def lock(self) -> AbstractContextManager[None]:
        """Hold the right to decide what becomes of this work; replicas of a service share it."""
        return locked(self.directory / "lock")

    def deaths(self, last: Attempt) -> list[Died]:
        """Return how the attempts up to `last` died, since the last success or retry."""
        counted = [one for one in self._counted_attempts() if one.number <= last.number]
        deaths = takewhile(bool, (attempt.death() for attempt in reversed(counted)))
        return [death for death in deaths if death][::-1]

    def unanswered_death(self) -> Died | None:
        """Return how the newest attempt died, if nothing has followed from it yet."""
        newest = self._counted_attempts()[-1:]
        return newest[0].death() if newest and not self.last_report() else None

    def _counted_attempts(self) -> list["Attempt"]:
        """Return the attempts since the last retry that nobody withdrew."""
        first = self._retried().first_attempt
        return [one for one in self.attempts() if one.number >= first and not one.withdrawn]

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

    def write_failure(self, report: Report) -> Report:
        """Write down a failure that the stage could not report; return the report that counts.

        A report of the stage that becomes visible only now is not overwritten.
        """
        content = report.model_dump_json(indent=1).encode()
        written = write_once(self.directory / "report.json", content)
        return report if written else self.last_report() or report

    def forget(self) -> None:
        """Drop the report, so that the work is done again when next asked for."""
        (self.directory / "report.json").unlink(missing_ok=True)

    def retry(self, generation: str) -> None:
        """Have failed work done again, once for a submission; attempts are counted anew."""
        report, retried = self.last_report(), self._retried()
        if not report or report.outcome != "failed":
            return
        newest = max((attempt.number for attempt in self.attempts()), default=0)
        if retried.generation != generation:
            retried = _Retried(generation=generation, first_attempt=newest + 1)
            write_atomic(self.directory / "retried.json", canonical_json(retried))
        if newest < retried.first_attempt:  # also after a crash at this place
            self.forget()

    def _retried(self) -> "_Retried":
        try:
            return _Retried.model_validate_json((self.directory / "retried.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return _Retried()


class _Retried(Frozen):
    """The last retry of a piece of work."""

    generation: str | None = None
    """Of the submission that asked for it."""
    first_attempt: int = 1
    """Earlier ones do not count any more."""
