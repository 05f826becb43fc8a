"""Look at requests: what they are, where their runs stand, and why."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from foa.cli import progress, results
from foa.cli.output import make_console, print_json, print_line, print_rows
from foa.cli.remarks import remarks_on
from foa.errors import ExitStatus, FoaError
from foa_stage.manifests import Criterion, Dl3Ready, Request, RunFailed, RunSelected
from foa_stage.tree import RunTree, Unreadable

Row = dict[str, Any]
VERDICTS = {True: "holds", False: "fails", None: "unknown"}
REQUEST = "request"
"""What a row of `foa why` is about if it concerns all runs."""
LOG_LINES = 200
MOST_NAMED = 10


def find_request(tree: RunTree, wanted: str) -> Request:
    """Return the request whose id begins so.

    Raises
    ------
    FoaError
        If there is none, or more than one, or it cannot be read.
    """
    found = tree.request_ids(wanted)
    if len(found) != 1:
        problem = "several requests begin" if found else "no request begins"
        known = _spell_ids(found or tree.request_ids())
        raise FoaError(f"{problem} with {wanted!r}: {known}")
    request = tree.request(found[0])
    if isinstance(request, Unreadable):
        raise FoaError(f"{request.path} cannot be read: {request.reason}")
    return request


def _spell_ids(request_ids: list[str]) -> str:
    """Name requests, the newest first, but not thousands."""
    newest = request_ids[::-1][:MOST_NAMED]
    more = len(request_ids) - len(newest)
    return ", ".join([*newest, *([f"and {more} more"] if more else [])]) or "there is none"


def show(tree: RunTree, wanted: str, *, as_json: bool) -> ExitStatus:
    """Print what is wrong, runs × stages and the newest findings; tell whether it has failed."""
    request = find_request(tree, wanted)
    failure = progress.failure_of(tree, request.id)
    if as_json:
        print_json(_describe(tree, request) | {"failure": failure})
    else:
        _print(tree, request, failure)
    return ExitStatus.FAILED if failure else ExitStatus.DONE


def _describe(tree: RunTree, request: Request) -> Row:
    newest = results.newest_results(tree, request.id)
    return {
        "request": request.model_dump(mode="json"),
        "runs": [state.__dict__ for state in progress.states_of(tree, request.id)],
        "results": results.read_results(newest) if newest else None,
    }


def _print(tree: RunTree, request: Request, failure: str | None) -> None:
    console = make_console()
    for fault in _faults(tree, request.id, failure):
        print_line(console, fault, style="red")
    table = progress.runs_table(tree, request.id)
    if table.rows or not failure:
        console.print(table)
    for remark in remarks_on(tree, request.id):
        print_line(console, remark)
    if newest := results.newest_results(tree, request.id):
        results.print_results(console, newest)


def _faults(tree: RunTree, request_id: str, failure: str | None) -> Iterator[str]:
    """Yield what is wrong with a request, in lines."""
    if failure:
        yield f"{request_id} failed: {failure}"
    for document in tree.unreadable(request_id):
        yield f"cannot be read: {document.path.name}: {document.reason}"
    states = progress.states_of(tree, request_id)
    if failed := [str(state.obs_id) for state in states if state.reason]:
        yield f"{len(failed)} of {len(states)} runs failed: {', '.join(failed)}"


def why(tree: RunTree, wanted: str, obs_id: int | None, *, as_json: bool) -> ExitStatus:
    """Print why runs are where they are; tell whether the request has failed."""
    rows = explain(tree, wanted, obs_id)
    print_rows(rows, as_json=as_json)
    return ExitStatus.FAILED if any(row["what"] == REQUEST for row in rows) else ExitStatus.DONE


def explain(tree: RunTree, wanted: str, obs_id: int | None) -> list[Row]:
    """Return why the request failed, then every run's criteria, and why it failed or waits.

    Runs that failed come first; of a single run all criteria are told, else those that fail.

    Raises
    ------
    FoaError
        If the run does not belong to the request.
    """
    request = find_request(tree, wanted)
    told = _Told.read(tree, request.id)
    failure = progress.failure_of(tree, request.id)
    if obs_id is not None and obs_id not in told.runs:
        raise _foreign_run(obs_id, request.id, told.runs, failure)
    rows = [_explained(None, what=REQUEST, verdict="failed", reason=failure)] if failure else []
    for run in told.runs if obs_id is None else [obs_id]:
        rows += told.explain(run, failing_only=obs_id is None)
    return rows


def reject_foreign_run(tree: RunTree, request: Request, obs_id: int) -> None:
    """Refuse a run that was never told of, by any submission, nor named by the request.

    Raises
    ------
    FoaError
        If the run does not belong to the request; names those that do.
    """
    told = [*tree.manifests(request.id, RunSelected), *tree.manifests(request.id, RunFailed)]
    known = {one.obs_id for one in told} | {*(request.obs_ids or ())}
    if obs_id not in known:
        raise _foreign_run(obs_id, request.id, known, progress.failure_of(tree, request.id))


def _foreign_run(
    obs_id: int, request_id: str, known: Iterable[int], failure: str | None
) -> FoaError:
    named = ", ".join(map(str, sorted(known))) or failure or "it has no runs yet"
    return FoaError(f"run {obs_id} does not belong to {request_id}: {named}")


@dataclass(frozen=True)
class _Told:
    """What was announced of a request's runs."""

    selected: Mapping[int, RunSelected]
    failed: Mapping[int, RunFailed]
    dl3: Mapping[int, Dl3Ready]

    @classmethod
    def read(cls, tree: RunTree, request_id: str) -> Self:
        """Read the newest of each kind on every run."""
        selected = tree.newest_per_run(request_id, RunSelected)
        failed = tree.newest_per_run(request_id, RunFailed)
        dl3 = tree.newest_per_run(request_id, Dl3Ready)
        failures = {run: failure for run, failure in failed.items() if run not in dl3}
        return cls(selected, failures, dl3)

    @property
    def runs(self) -> list[int]:
        """Return all runs, those that failed first."""
        every = self.selected.keys() | self.failed.keys() | self.dl3.keys()
        return sorted(every, key=lambda run: (run not in self.failed, run))

    def explain(self, run: int, *, failing_only: bool) -> list[Row]:
        """Return the rows of a run."""
        selected, standing = self.selected.get(run), self._standing(run)
        if selected is None:
            return [standing]
        criteria = _criteria(selected, failing_only=failing_only)
        return [standing, *criteria] if run in self.failed else [*criteria, standing]

    def _standing(self, run: int) -> Row:
        """Return how far a run is, and why no farther."""
        if dl3 := self.dl3.get(run):
            return _explained(run, what="IRF", reason=dl3.irf_choice)
        if failure := self.failed.get(run):
            return _explained(run, what=failure.stage, verdict="failed", reason=failure.reason)
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
        value=criterion.value,
        verdict=VERDICTS[criterion.passed],
        reason=criterion.limit,
    )


def _explained(run: int | None, **known: object) -> Row:
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
