"""Look at requests: what they are, where their runs stand, and why."""

from collections.abc import Iterator
from typing import Any

from foa.cli import progress, results
from foa.cli.output import make_console, print_json, print_line
from foa.errors import FoaError
from foa.pipeline.progress import progress_of
from foa_stage.manifests import Criterion, Dl3Ready, Request, RunFailed, RunSelected
from foa_stage.tree import RunTree, Unreadable

Row = dict[str, Any]
VERDICTS = {True: "holds", False: "fails", None: "unknown"}
LOG_LINES = 200


def find_request(tree: RunTree, wanted: str) -> Request:
    """Return the request whose id begins so.

    Raises
    ------
    FoaError
        If there is none, or more than one, or it cannot be read.
    """
    found = tree.request_ids(wanted)
    if len(found) != 1:
        known = ", ".join(found or tree.request_ids()) or "none"
        problem = "several requests begin" if found else "no request begins"
        raise FoaError(f"{problem} with {wanted!r}: {known}")
    request = tree.request(found[0])
    if isinstance(request, Unreadable):
        raise FoaError(f"{request.path} cannot be read: {request.reason}")
    return request


def list_requests(tree: RunTree) -> list[Row]:
    """Return one row per request, oldest first."""
    return [_row(tree, request_id) for request_id in tree.request_ids()]


def _row(tree: RunTree, request_id: str) -> Row:
    request = tree.request(request_id)
    if isinstance(request, Unreadable):
        return _listed(request_id, state=f"unreadable: {request.reason}")
    states = progress.states_of(tree, request_id)
    return _listed(
        request_id,
        target=request.target.name,
        nights=f"{request.first_night} … {request.last_night}",
        runs=len(states),
        failed=sum(bool(state.reason) for state in states),
        state=_state(tree, request_id),
    )


def _listed(request_id: str, **known: object) -> Row:
    columns = ("target", "nights", "runs", "failed", "state")
    return {"request": request_id} | {name: known.get(name) for name in columns}


def _state(tree: RunTree, request_id: str) -> str:
    """Return the phase of a request, and how many of its documents cannot be read."""
    state = str(progress_of(tree, request_id).phase)
    if state in ("selecting", "reconstructing"):
        newest = results.newest_results(tree, request_id)
        state = newest.name.partition("-")[2] if newest else "no results yet"
    unreadable = len(tree.unreadable(request_id))
    return f"{state}, {unreadable} documents unreadable" if unreadable else state


def show(tree: RunTree, wanted: str, *, as_json: bool) -> None:
    """Print runs × stages and the newest findings."""
    request = find_request(tree, wanted)
    newest = results.newest_results(tree, request.id)
    if as_json:
        states = [state.__dict__ for state in progress.states_of(tree, request.id)]
        found = results.read_results(newest) if newest else None
        content = request.model_dump(mode="json")
        print_json({"request": content, "runs": states, "results": found})
        return
    console = make_console()
    console.print(progress.runs_table(tree, request.id))
    for unreadable in tree.unreadable(request.id):
        print_line(console, f"cannot be read: {unreadable.path.name}: {unreadable.reason}")
    if newest:
        results.print_results(console, newest)


def explain(tree: RunTree, wanted: str, obs_id: int | None) -> list[Row]:
    """Return every run's criteria with values and limits, and why it failed or waits."""
    request = find_request(tree, wanted)
    selected = tree.newest_per_run(request.id, RunSelected)
    failed = tree.newest_per_run(request.id, RunFailed)
    dl3 = tree.newest_per_run(request.id, Dl3Ready)
    runs = sorted(selected.keys() | failed.keys())
    if obs_id is not None and obs_id not in runs:
        known = ", ".join(map(str, runs)) or "it has no runs yet"
        raise FoaError(f"run {obs_id} does not belong to {request.id}: {known}")
    rows = []
    for run in [obs_id] if obs_id is not None else runs:
        if run in selected:
            rows += _criteria(selected[run], failing_only=obs_id is None)
        rows.append(_standing(run, dl3.get(run), failed.get(run)))
    return rows


def _standing(run: int, dl3: Dl3Ready | None, failed: RunFailed | None) -> Row:
    """Return how far a run is, and why no farther."""
    if dl3:
        return _explained(run, what="IRF", reason=dl3.irf_choice)
    if failed:
        return _explained(run, what=failed.stage, reason=failed.reason)
    return _explained(run, what="waiting", reason="its DL2 or its IRFs are not ready")


def _criteria(selected: RunSelected, *, failing_only: bool) -> list[Row]:
    grade = str(selected.run.grade)
    criteria = selected.run.criteria
    shown = [c for c in criteria if not failing_only or c.passed is not True]
    rows = [_criterion(selected.obs_id, grade, criterion) for criterion in shown]
    every = {"what": "quality", "verdict": "holds", "reason": "all criteria"}
    return rows or [_explained(selected.obs_id, grade=grade, **every)]


def _criterion(obs_id: int, grade: str, criterion: Criterion) -> Row:
    return _explained(
        obs_id,
        grade=grade,
        what=criterion.name,
        value=None if criterion.value is None else f"{criterion.value:.4g}",
        verdict=VERDICTS[criterion.passed],
        reason=criterion.limit,
    )


def _explained(run: int, **known: object) -> Row:
    columns = ("grade", "what", "value", "verdict")
    row = {"run": run} | {name: known.get(name) for name in columns}
    return row | {"limit or reason": known["reason"]}


def logs(tree: RunTree, wanted: str, obs_id: int) -> Iterator[str]:
    """Yield what the newest attempts of a run's jobs wrote on stderr."""
    request = find_request(tree, wanted)
    links = [link for link in tree.linked_works(request.id) if link.obs_id == obs_id]
    if not links:
        raise FoaError(f"no job of {request.id} concerns run {obs_id}")
    for link in links:
        for attempt in link.work.attempts()[-1:]:
            yield f"=== {link.stage}: {attempt.directory}"
            yield attempt.log_tail(lines=LOG_LINES)


def forget_failures(tree: RunTree, request_id: str, obs_id: int | None) -> None:
    """Drop the reports of failed work, so that it is done again."""
    for link in tree.linked_works(request_id):
        report = link.work.last_report()
        if report and report.outcome == "failed" and obs_id in (None, link.obs_id):
            link.work.forget()
