"""The selector's stage: find and grade the runs of a request, and choose their models."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime

from foa_selector.absence import SearchedNight, explain_absence, explain_missing
from foa_selector.archives import (
    Datacheck,
    ListedRun,
    find_dl1,
    find_models,
    list_runs,
    list_types,
    missing_lists,
    read_datacheck,
)
from foa_selector.plan import SelectedRuns, SelectionRequest, UnreadableRun
from foa_selector.quality import evaluate, grade_of, mean_pointing, separation_deg
from foa_stage.archive import nights_between
from foa_stage.manifests import Criterion, Pointing, Request, Run
from foa_stage.runner import BadInput, NothingLeft, Stage, StageResult
from foa_stage.tree import Work


def select(selection: SelectionRequest, work: Work) -> StageResult:
    """Find every run of the target in the nights of the request.

    Runs without readable data or fitting models are listed with the reason, and so are numbers
    that stand for no run.

    Raises
    ------
    BadInput
        If a list of runs or a datacheck file is not readable.
    NothingLeft
        If there is no run of the target.
    """
    request = selection.request
    described = list(_describe_runs(request))
    if not described:
        today = datetime.now(tz=UTC).date()
        raise NothingLeft(explain_absence(request, _search(request), today))
    runs = tuple(run for run in described if isinstance(run, Run))
    unreadable = tuple(run for run in described if isinstance(run, UnreadableRun))
    missing = _missing(request, {run.obs_id for run in described})
    found = SelectedRuns(runs=runs, unreadable=(*unreadable, *missing))
    return StageResult([], found.model_dump(mode="json"))


def _missing(request: Request, found: set[int]) -> list[UnreadableRun]:
    """Return the run numbers of a request that stand for no run."""
    if found.issuperset(request.obs_ids or ()):
        return []
    reasons = explain_missing(request, _search(request))
    return [UnreadableRun(obs_id=obs_id, reason=reason) for obs_id, reason in reasons.items()]


def _search(request: Request) -> list[SearchedNight]:
    """Read the lists of every night."""
    archive = request.archive
    return [
        SearchedNight(
            night=night,
            runs=list_runs(archive, night),
            types=list_types(archive, night),
            missing=missing_lists(archive, night),
        )
        for night in nights_between(request.first_night, request.last_night)
    ]


def _radius(request: Request) -> float:
    return request.profile.selection.search_radius_deg


def _describe_runs(request: Request) -> Iterator[Run | UnreadableRun]:
    for night in nights_between(request.first_night, request.last_night):
        for listed, datacheck in _candidates(request, night):
            try:
                yield _describe(request, night, listed, datacheck)
            except BadInput as error:
                yield UnreadableRun(obs_id=listed.obs_id, reason=str(error))


def _candidates(request: Request, night: date) -> list[tuple[ListedRun, Datacheck | None]]:
    """Return the data runs of a night that belong to the request, with the night's datacheck.

    They are those that the request names; if it names none, those that point at its target.
    """
    listed = list_runs(request.archive, night)
    datacheck = read_datacheck(request.archive, night) if listed else None
    if request.obs_ids is not None:
        return [(run, datacheck) for run in listed if run.obs_id in request.obs_ids]
    return [(run, datacheck) for run in listed if _points_at(request, run, datacheck)]


def _points_at(request: Request, run: ListedRun, datacheck: Datacheck | None) -> bool:
    """Tell whether the target is in the run's field of view, or the catalog names it."""
    target = request.target
    ra, dec = run.ra, run.dec
    if math.isnan(ra) and datacheck is not None:
        subruns, _ = datacheck.of_run(run.obs_id)
        if len(subruns):
            pointing = mean_pointing(subruns)
            ra, dec = pointing.ra, pointing.dec
    near = separation_deg(ra, dec, target.ra, target.dec) < _radius(request)
    return bool(near) or run.source.lower() == target.name.lower()


def _describe(request: Request, night: date, listed: ListedRun, datacheck: Datacheck | None) -> Run:
    """Collect everything the other services need to know about a run."""
    dl1 = find_dl1(request.archive, night, listed.obs_id)
    pointing, criteria, elapsed = _judge(request, listed, datacheck)
    models, nodes = find_models(request.archive, listed.obs_id, dl1.path, pointing.dec)
    return Run(
        obs_id=listed.obs_id,
        night=night,
        dl1=dl1,
        grade=grade_of(criteria),
        criteria=criteria,
        pointing=pointing,
        elapsed_s=elapsed,
        models=models,
        nodes=nodes,
    )


def _judge(
    request: Request, listed: ListedRun, datacheck: Datacheck | None
) -> tuple[Pointing, tuple[Criterion, ...], float | None]:
    """Return pointing, criteria and elapsed time (s).

    Without datacheck rows the quality is unknown, which does not stop the run.
    """
    if datacheck is not None:
        subruns, summary = datacheck.of_run(listed.obs_id)
        if len(subruns) and len(summary):
            limits = request.profile.selection
            criteria = evaluate(subruns, summary[0], request.target, limits)
            return mean_pointing(subruns), criteria, float(summary[0]["elapsed_time"])
    if math.isnan(listed.dec):
        run = f"run {listed.obs_id}"
        raise BadInput(f"{run}: neither datacheck nor run catalog tell where it points")
    limit = "rows in the night-wise datacheck file"
    unknown = Criterion(name="datacheck", passed=None, value=None, limit=limit)
    return Pointing(ra=listed.ra, dec=listed.dec), (unknown,), None


STAGE = Stage(
    request=SelectionRequest, make=select, distributions=("astropy", "h5py", "numpy", "scipy")
)
