"""Looking at requests: what they are, where their runs stand, and why."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from foa.cli import progress, summary
from foa.cli.output import make_console
from foa.errors import FoaError
from foa.manifests import Dl3Ready, Request, RunFailed, RunSelected
from foa.tree import RunTree


def find_request(tree: RunTree, wanted: str) -> Request:
    """The request whose id begins so.

    Raises
    ------
    FoaError
        If there is none, or more than one.
    """
    found = [request for request in tree.requests() if request.id.startswith(wanted)]
    if len(found) != 1:
        known = ", ".join(request.id for request in found or tree.requests()) or "none"
        raise FoaError(f"{'several requests begin' if found else 'no request begins'} with {wanted!r}: {known}")
    return found[0]


def list_requests(tree: RunTree) -> list[dict[str, Any]]:
    """One row per request, oldest first."""
    return [_row(tree, request) for request in tree.requests()]


def _row(tree: RunTree, request: Request) -> dict[str, Any]:
    results = summary.newest_results(tree, request.id)
    states = progress.states_of(tree, request.id)
    phase = summary.read_results(results)["phase"] if results else "no results yet"
    return {
        "request": request.id, "target": request.target.name, "nights": f"{request.first_night} … {request.last_night}",
        "runs": len(states), "failed": sum(bool(state.reason) for state in states),
        "state": "failed" if progress.failure_of(tree, request.id) else phase,
    }  # fmt: skip


def show(tree: RunTree, wanted: str, *, as_json: bool) -> None:
    """Runs × stages and the newest findings."""
    request = find_request(tree, wanted)
    results = summary.newest_results(tree, request.id)
    if as_json:
        states = [state.__dict__ for state in progress.states_of(tree, request.id)]
        found = summary.read_results(results) if results else None
        content = {"request": request.model_dump(mode="json"), "runs": states, "results": found}
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
        return
    console = make_console()
    console.print(progress.runs_table(tree, request.id))
    if results:
        console.print(summary.findings_table(summary.read_results(results)))
        console.print(f"report: {results / 'report.html'}", highlight=False, soft_wrap=True)


def explain(tree: RunTree, wanted: str, obs_id: int | None) -> list[dict[str, Any]]:
    """Criteria of every run with values and limits, how its IRF was found, and why it failed or what it waits for."""
    request = find_request(tree, wanted)
    selected = tree.newest_per_run(request.id, RunSelected)
    failed = tree.newest_per_run(request.id, RunFailed)
    dl3 = tree.newest_per_run(request.id, Dl3Ready)
    runs = sorted(selected.keys() | failed.keys())
    if obs_id is not None and obs_id not in runs:
        raise FoaError(
            f"run {obs_id} does not belong to {request.id}: {', '.join(map(str, runs)) or 'it has no runs yet'}"
        )
    rows = []
    for run in [obs_id] if obs_id is not None else runs:
        rows += _criteria(selected[run], failing_only=obs_id is None) if run in selected else []
        if run in dl3:
            rows.append(_reason(run, "IRF", dl3[run].irf_choice))
        elif run in failed:
            rows.append(_reason(run, failed[run].stage, failed[run].reason))
        else:
            rows.append(_reason(run, "waiting", "its DL2 or its IRFs are not ready"))
    return rows


def _criteria(selected: RunSelected, *, failing_only: bool) -> list[dict[str, Any]]:
    grade = str(selected.run.grade)
    shown = [c for c in selected.run.criteria if not failing_only or c.passed is not True]
    rows = [
        {"run": selected.obs_id, "grade": grade, "what": c.name,
         "value": f"{c.value:.4g}" if c.value is not None else None,
         "verdict": "unknown" if c.passed is None else ("holds" if c.passed else "fails"), "limit or reason": c.limit}
        for c in shown
    ]  # fmt: skip
    return rows or [{"run": selected.obs_id, "grade": grade, "what": "quality", "value": None, "verdict": "holds",
                     "limit or reason": "all criteria"}]  # fmt: skip


def _reason(run: int, what: str, reason: str) -> dict[str, Any]:
    return {
        "run": run,
        "grade": None,
        "what": what,
        "value": None,
        "verdict": None,
        "limit or reason": reason,
    }


def logs(tree: RunTree, wanted: str, obs_id: int) -> Iterator[str]:
    """What the newest attempts of a run's jobs wrote on stderr."""
    request = find_request(tree, wanted)
    works = {stage: work for (stage, run), work in tree.linked_works(request.id).items() if run == obs_id}
    if not works:
        raise FoaError(f"no job of {request.id} concerns run {obs_id}")
    for stage, work in works.items():
        for attempt in work.attempts()[-1:]:
            yield f"=== {stage}: {attempt.directory}"
            yield attempt.log_tail(lines=200)


def forget_failures(tree: RunTree, request_id: str, obs_id: int | None) -> None:
    """Drop the reports of failed work, so that it is done again."""
    for (_, run), work in tree.linked_works(request_id).items():
        report = work.last_report()
        if report and report.outcome == "failed" and obs_id in (None, run):
            work.forget()
