"""The selector's stage: find, grade and equip the runs of a request."""

import math
from datetime import date
from pathlib import Path

from foa.archive import nights_between
from foa.manifests import Criterion, Pointing, Request, Run
from foa.stage import BadInput, NothingLeft, Outcome, run_stage

from foa_selector.archives import Datacheck, ListedRun, find_dl1, find_models, list_runs, read_datacheck
from foa_selector.plan import SelectedRuns, SelectionRequest, UnreadableRun
from foa_selector.quality import evaluate, grade_of, mean_pointing, separation_deg


def main(request: Path) -> int:
    """Do one piece of work."""
    return run_stage(request, SelectionRequest, select, ("astropy", "h5py", "numpy", "scipy"))


def select(work: SelectionRequest, products: Path) -> Outcome:
    """Find every run of the target in the nights asked for."""
    request = work.request
    runs: list[Run] = []
    unreadable: list[UnreadableRun] = []
    for night in nights_between(request.first_night, request.last_night):
        for listed, datacheck in _candidates(request, night):
            try:
                runs.append(_equip(request, night, listed, datacheck))
            except BadInput as error:
                unreadable.append(UnreadableRun(obs_id=listed.obs_id, reason=str(error)))
    if not runs and not unreadable:
        nights = f"{request.first_night} to {request.last_night}"
        raise NothingLeft(f"no run of {request.target.name} within {_radius(request):g}° in the nights {nights}")
    found = SelectedRuns(runs=tuple(runs), unreadable=tuple(unreadable))
    return Outcome([], found.model_dump(mode="json"))


def _radius(request: Request) -> float:
    return request.profile.selection.search_radius_deg


def _candidates(request: Request, night: date) -> list[tuple[ListedRun, Datacheck | None]]:
    """Data runs of a night that the request means: by number where it names them, else by where they point."""
    listed = list_runs(request.archive, night)
    datacheck = read_datacheck(request.archive, night) if listed else None
    if request.obs_ids is not None:
        return [(run, datacheck) for run in listed if run.obs_id in request.obs_ids]
    return [(run, datacheck) for run in listed if _points_at(request, run, datacheck)]


def _points_at(request: Request, run: ListedRun, datacheck: Datacheck | None) -> bool:
    """Whether the target is in the run's field of view, or the catalog names it."""
    target = request.target
    ra, dec = run.ra, run.dec
    if math.isnan(ra) and datacheck is not None:
        subruns, _ = datacheck.of_run(run.obs_id)
        if len(subruns):
            pointing = mean_pointing(subruns)
            ra, dec = pointing.ra, pointing.dec
    near = separation_deg(ra, dec, target.ra, target.dec) < _radius(request)
    return bool(near) or run.source.lower() == target.name.lower()


def _equip(request: Request, night: date, listed: ListedRun, datacheck: Datacheck | None) -> Run:
    """Everything the other services need to know about a run."""
    dl1 = find_dl1(request.archive, night, listed.obs_id)
    pointing, criteria, elapsed = _judge(request, listed, datacheck)
    models, nodes = find_models(request.archive, listed.obs_id, dl1.path, pointing.dec)
    return Run(
        obs_id=listed.obs_id, night=night, dl1=dl1, grade=grade_of(criteria), criteria=criteria, pointing=pointing,
        elapsed_s=elapsed, models=models, nodes=nodes,
    )  # fmt: skip


def _judge(
    request: Request, listed: ListedRun, datacheck: Datacheck | None
) -> tuple[Pointing, tuple[Criterion, ...], float | None]:
    """Pointing, criteria and elapsed time; without datacheck rows the quality is unknown, and the run goes on."""
    if datacheck is not None:
        subruns, summary = datacheck.of_run(listed.obs_id)
        if len(subruns) and len(summary):
            criteria = evaluate(subruns, summary[0], request.target, request.profile.selection)
            return mean_pointing(subruns), criteria, float(summary[0]["elapsed_time"])
    if math.isnan(listed.dec):
        raise BadInput(f"run {listed.obs_id}: neither datacheck nor run catalog tell where it points")
    unknown = Criterion(name="datacheck", passed=None, value=None, limit="rows in the night-wise datacheck file")
    return Pointing(ra=listed.ra, dec=listed.dec), (unknown,), None
