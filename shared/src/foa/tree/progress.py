"""Where every run of a request stands, told by names of files alone: cheap enough to be asked every second."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from foa.tree.runtree import RunTree
from foa.tree.work import Work

ANNOUNCED_BY = {"dl2-converter": "dl2.ready", "irf-builder": "irf.ready", "dl3-maker": "dl3.ready"}
"""What a stage that works on single runs says when it is done with one."""
State = Literal["waiting", "queued", "running", "done", "failed"]
Phase = Literal["selecting", "reconstructing", "first-look", "final", "failed"]


@dataclass(frozen=True)
class Progress:
    """A request on its way."""

    request_id: str
    phase: Phase
    runs: dict[int, dict[str, State]]
    """State of every stage, by run."""
    jobs: dict[str, State]
    """State of the selector's and the analyzer's job, if one is under way."""
    asked: float
    """When it was submitted last, as Unix time."""

    @property
    def finished(self) -> bool:
        """Whether nothing more is to come."""
        return self.phase in ("final", "failed")


def progress_of(tree: RunTree, request_id: str) -> Progress:
    """Look at a request."""
    directory = tree.request_directory(request_id)
    told = _told(directory / "manifests")
    under_way = _under_way(directory / "jobs", told)
    failed = told.get("run.failed", {})

    def state_of(stage: str, obs_id: int) -> State:
        if state := under_way.get((stage, obs_id)):
            return state
        if obs_id in told.get(ANNOUNCED_BY[stage], {}):
            return "done"
        return "failed" if obs_id in failed else "waiting"

    obs_ids = sorted(told.get("run.selected", {}).keys() | failed.keys())
    runs = {obs_id: {stage: state_of(stage, obs_id) for stage in ANNOUNCED_BY} for obs_id in obs_ids}
    jobs = {stage: state for (stage, obs_id), state in under_way.items() if obs_id == 0}
    asked = told.get("request.submitted", {}).get(0, directory.stat().st_mtime)
    return Progress(request_id, _phase(tree, request_id, told), runs, jobs, asked)


def newest_requests(tree: RunTree, most: int) -> list[str]:
    """Ids of the requests submitted last, newest first."""
    stamps = [(path.stat().st_mtime, path.parent.name) for path in tree.root.glob("requests/*/manifests")]
    return [request_id for _, request_id in sorted(stamps, reverse=True)[:most]]


def _under_way(jobs: Path, told: dict[str, dict[int, float]]) -> dict[tuple[str, int], State]:
    """Of all work that was linked after its stage last said that it is done: what runs or is queued."""
    found = {}
    for link in jobs.glob("[!.]*"):
        stage, obs_id = link.name.rsplit(".", 1)
        done = told.get(ANNOUNCED_BY.get(stage, ""), {}).get(int(obs_id), 0.0)
        if link.lstat().st_mtime > done and (state := _state_of_job(link.readlink())):
            found[stage, int(obs_id)] = state
    return found


def _state_of_job(directory: Path) -> State | None:
    """Of the newest attempt at a piece of work, while it is under way."""
    attempts = Work(directory.parent.name, directory.name, directory).attempts()
    if not attempts or attempts[-1].concluded:
        return None
    return "running" if attempts[-1].running else "queued"


def _told(directory: Path) -> dict[str, dict[int, float]]:
    """Of each kind of manifest: when it was said last, by run."""
    told: dict[str, dict[int, float]] = {}
    for path in directory.glob("[!.]*.json"):
        kind, obs_id, _ = path.name.removesuffix(".json").rsplit(".", 2)
        stamps = told.setdefault(kind, {})
        stamps[int(obs_id)] = max(stamps.get(int(obs_id), 0.0), path.stat().st_mtime)
    return told


def _phase(tree: RunTree, request_id: str, told: dict[str, dict[int, float]]) -> Phase:
    """What was said last decides: a request may be submitted again."""
    submitted = told.get("request.submitted", {}).get(0, 0.0)
    if told.get("request.failed", {}).get(0, 0.0) > submitted:
        return "failed"
    if told.get("analysis.ready", {}).get(0, 0.0) > submitted:
        newest = max(tree.results(request_id).iterdir(), key=lambda version: version.lstat().st_mtime)
        return "final" if newest.name.endswith("-final") else "first-look"
    return "reconstructing" if told.get("run.selected") else "selecting"
