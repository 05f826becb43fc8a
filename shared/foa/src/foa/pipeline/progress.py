"""Where every run of a request stands.

Names of files tell it: looking every second is cheap.
"""

from dataclasses import dataclass
from typing import Literal

from foa.pipeline.installed import run_services
from foa_stage.manifests import (
    AnalysisReady,
    RequestFailed,
    RequestSubmitted,
    ResultsPhase,
    RunFailed,
    RunSelected,
    kind_of,
)
from foa_stage.tree import RunTree, Work

State = Literal["waiting", "queued", "running", "done", "failed"]
Phase = Literal["selecting", "reconstructing", ResultsPhase, "failed"]
Announcements = dict[str, dict[int, float]]
"""When a manifest was recorded last, by kind and run."""
JobStates = dict[tuple[str, int], State]


@dataclass(frozen=True)
class Progress:
    """A request on its way."""

    request_id: str
    phase: Phase
    runs: dict[int, dict[str, State]]
    """State of every stage, by run."""
    jobs: dict[str, State]
    """State of the jobs that concern all runs, by stage, while they are under way."""
    submitted: float
    """When it was submitted last, as Unix time."""

    @property
    def finished(self) -> bool:
        """Tell whether nothing more is to come."""
        return self.phase in ("final", "failed")


def progress_of(tree: RunTree, request_id: str) -> Progress:
    """Look at a request."""
    said = tree.announcements(request_id)
    jobs = _jobs_under_way(tree, request_id, said)
    submitted = said.get(kind_of(RequestSubmitted), {}).get(0)
    return Progress(
        request_id,
        _phase(tree, request_id, said),
        _runs(said, jobs),
        {stage: state for (stage, obs_id), state in jobs.items() if obs_id == 0},
        submitted or tree.request_directory(request_id).stat().st_mtime,
    )


def newest_requests(tree: RunTree, most: int) -> list[str]:
    """Return the ids of the requests submitted last, newest first."""
    return tree.request_ids_by_activity()[:most]


def done_kinds() -> dict[str, str]:
    """Return by stage the kind that says that a run is through it."""
    return {service.name: kind_of(service.announces[0]) for service in run_services()}


def _runs(said: Announcements, jobs: JobStates) -> dict[int, dict[str, State]]:
    failed = said.get(kind_of(RunFailed), {})
    kinds = done_kinds()

    def state_of(stage: str, obs_id: int) -> State:
        if state := jobs.get((stage, obs_id)):
            return state
        if obs_id in said.get(kinds[stage], {}):
            return "done"
        return "failed" if obs_id in failed else "waiting"

    obs_ids = sorted(said.get(kind_of(RunSelected), {}).keys() | failed.keys())
    return {obs_id: {stage: state_of(stage, obs_id) for stage in kinds} for obs_id in obs_ids}


def _jobs_under_way(tree: RunTree, request_id: str, said: Announcements) -> JobStates:
    """Find what runs or is queued among the work linked after its stage last said it was done."""
    kinds, found = done_kinds(), {}
    for link in tree.linked_works(request_id):
        done = said.get(kinds.get(link.stage, ""), {}).get(link.obs_id, 0.0)
        if link.linked > done and (state := _state_of_job(link.work)):
            found[link.stage, link.obs_id] = state
    return found


def _state_of_job(work: Work) -> State | None:
    """Return the state of the newest attempt while it is under way."""
    attempts = work.attempts()
    if not attempts or attempts[-1].ended:
        return None
    return "running" if attempts[-1].running else "queued"


def _phase(tree: RunTree, request_id: str, said: Announcements) -> Phase:
    """Decide by what was said last: a request may be submitted again."""
    submitted, failed, ready = (
        said.get(kind_of(one), {}).get(0, 0.0)
        for one in (RequestSubmitted, RequestFailed, AnalysisReady)
    )
    if failed > max(submitted, ready):
        return "failed"
    if ready > submitted:
        newest = tree.result_versions(request_id)[-1:]
        is_first = any(version.name.endswith("-first-look") for version in newest)
        return "first-look" if is_first else "final"
    return "reconstructing" if said.get(kind_of(RunSelected)) else "selecting"
