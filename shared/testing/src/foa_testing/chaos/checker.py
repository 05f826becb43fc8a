"""Judge what became of requests, from files and accounting, by no code of the product."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foa_testing.chaos.schedule import PlannedRequest
from foa_testing.chaos.trace import find_repeated, read_trace

EXPLAINED = (
    r"^FAILED \(",
    r"^NODE_FAIL \(",
    r"_bad\.h5: truncated$",
    r"^(selector|analyzer): FAILED \(",
)
"""Reasons of failures that killed jobs, nodes that went down, a full disk and bad runs give."""


@dataclass(frozen=True)
class Outcome:
    """What is found of a request."""

    results: Mapping[str, Any] | None
    """Newest of the final results."""
    cancelled: bool = False
    """Whether somebody cancelled it, at any time."""
    reasons: tuple[str, ...] = ()
    """Of all failures that were ever told."""


@dataclass(frozen=True)
class Expectation:
    """What must become of a request."""

    planned: PlannedRequest
    may_be_cancelled: bool = False
    """Whether its last word was a cancellation."""


@dataclass
class Verdict:
    """What is wrong with a run, in words, by kind."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, list[str]]:
        """Return what is wrong, by kind."""
        return vars(self)

    @property
    def passed(self) -> bool:
        """Tell whether nothing is wrong."""
        return not any(self.kinds.values())

    def __str__(self) -> str:
        return " ".join(f"{kind}={len(found)}" for kind, found in self.kinds.items())


def read_outcome(request: Path) -> Outcome:
    """Read what is recorded in the directory of a request."""
    finals = sorted(request.glob("results/[0-9]*-final/**/results.json"), key=_version_of)
    results = json.loads(finals[-1].read_bytes()) if finals else None
    cancelled = any(request.glob("manifests/*/request.cancelled.*.json"))
    failures = [
        *request.glob("manifests/*/run.failed.*.json"),
        *request.glob("manifests/*/request.failed.*.json"),
    ]
    reasons = tuple(str(json.loads(path.read_bytes())["reason"]) for path in failures)
    return Outcome(results, cancelled, reasons)


def _version_of(results: Path) -> int:
    version = next(part for part in results.parts if re.match(r"\d+-final$", part))
    return int(version.partition("-")[0])


def is_fulfilled(expectation: Expectation, outcome: Outcome) -> bool:
    """Tell whether a request ended as it must."""
    if outcome.results is None:
        return expectation.may_be_cancelled and outcome.cancelled
    return not find_mistakes(expectation.planned, outcome.results)


def find_mistakes(planned: PlannedRequest, results: Mapping[str, Any]) -> list[str]:
    """Describe what is wrong in final results."""
    made = {run["obs_id"] for run in results["runs"] if run.get("dl3")}
    failed = {run["obs_id"] for run in results["failed_runs"]}
    found = [
        ("phase", results["phase"], "final"),
        ("target", results["target"]["name"], planned.target),
        ("runs", made, planned.good),
        ("failed runs", failed, planned.bad),
    ]
    return [f"{what} {is_so}, not {should}" for what, is_so, should in found if is_so != should]


def find_unexplained(reasons: Iterable[str]) -> list[str]:
    """Return the reasons of failures that no fault gives."""
    explained = re.compile("|".join(EXPLAINED))
    return [reason for reason in reasons if not explained.search(reason)]


def count_jobs(accounted: Sequence[str], trace: Iterable[str]) -> str:
    """Count the jobs that the accounting names, those of one attempt, and what was executed.

    Two jobs of an attempt are no fault: one executes it. A controller that is killed forgets jobs
    that it has accepted, so there may be fewer jobs than executions.
    """
    executed = read_trace(trace)
    again = len(accounted) - len(set(accounted))
    return f"jobs={len(accounted)} submitted_again={again} executions={len(executed)}"


def judge(
    expected: Mapping[str, Expectation],
    outcomes: Mapping[str, Outcome],
    trace: Iterable[str],
    stuck: Iterable[str],
) -> Verdict:
    """Judge requests, by id, and what the stages wrote down."""
    verdict = Verdict(twice=find_repeated(read_trace(trace)), stuck=list(stuck))
    for request_id, expectation in expected.items():
        outcome = outcomes[request_id]
        verdict.lost += [f"{request_id}: {told}" for told in _find_losses(expectation, outcome)]
        if outcome.results is not None:
            mistakes = find_mistakes(expectation.planned, outcome.results)
            verdict.wrong += [f"{request_id}: {told}" for told in mistakes]
    return verdict


def _find_losses(expectation: Expectation, outcome: Outcome) -> Iterator[str]:
    if outcome.results is None and not is_fulfilled(expectation, outcome):
        yield "no final results"
    for reason in find_unexplained(outcome.reasons):
        yield f"failed without a fault: {reason}"
