"""Where every run of a request stands.

Names of files tell it: looking every second is cheap.
"""

import time
from dataclasses import dataclass
from typing import Literal

from foa.pipeline.installed import run_services
from foa_stage.manifests import (
    AnalysisReady,
    RequestFailed,
    ResultsPhase,
    RunFailed,
    RunSelected,
    kind_of,
)
from foa_stage.tree import RunTree, Work

State = Literal["waiting", "queued", "running", "done", "failed"]
Phase = Literal["selecting", "reconstructing", ResultsPhase, "failed", "cancelled"]
ENDED = ("final", "failed", "cancelled")
"""Phases in which nothing more is to come."""
Announcements = dict[str, dict[int, int]]
"""Number of the newest manifest, by kind and run."""
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
        return self.phase in ENDED


def progress_of(tree: RunTree, request_id: str) -> Progress:
    """Look at a request."""
    said = tree.announcements(request_id)
    jobs = _jobs_under_way(tree, request_id, said)
    return Progress(
        request_id,
        _phase(tree, request_id, said),
        _runs(said, jobs),
        {stage: state for (stage, obs_id), state in jobs.items() if obs_id == 0},
        _submitted(tree, request_id),
    )


def _submitted(tree: RunTree, request_id: str) -> float:
    """Return when a request was submitted last; versions 1 and 2 did not say it."""
    submission = tree.submission(request_id)
    if submission and submission.said:
        return submission.said.when.timestamp()
    directory = tree.request_directory(request_id)
    return directory.stat().st_mtime if directory.exists() else time.time()


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
    """Find what runs or is queued among the work that the request led to.

    What is announced is not looked at: of ten thousand runs, most are through.
    """
    announced = {stage: said.get(kind, {}) for stage, kind in done_kinds().items()}
    states = {
        (link.stage, link.obs_id): _state_of_job(link.work)
        for link in tree.linked_works(request_id)
        if link.obs_id not in announced.get(link.stage, {})
    }
    return {job: state for job, state in states.items() if state}


def _state_of_job(work: Work) -> State | None:
    """Return the state of the newest attempt while it is under way."""
    attempts = work.attempts()
    if not attempts or attempts[-1].ended or work.last_report():
        return None
    return "running" if attempts[-1].running else "queued"


def _phase(tree: RunTree, request_id: str, said: Announcements) -> Phase:
    """Decide by what was said in the newest generation; final results outlast any failure."""
    failed, ready = (said.get(kind_of(one), {}).get(0, 0) for one in (RequestFailed, AnalysisReady))
    phase = _phase_of_results(tree, request_id)
    if phase != "final" and tree.cancellation(request_id):
        return "cancelled"
    if failed > ready and phase != "final":
        return "failed"
    return phase or ("reconstructing" if said.get(kind_of(RunSelected)) else "selecting")


def _phase_of_results(tree: RunTree, request_id: str) -> ResultsPhase | None:
    """Return the phase of the results that count, if they are of the newest generation."""
    ready = tree.results_that_count(request_id)
    return ready.phase if ready and ready.generation == tree.generation(request_id) else None
