"""Decisions of the analyzer.

The first run that comes through starts a first look, the last to come through or to fail the final
analysis.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Self

from foa_analyzer.request import AnalysedRun, AnalysisRequest, FailedRun
from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import (
    AnalysisReady,
    Criterion,
    Dl2Ready,
    Dl3Ready,
    Grade,
    IrfReady,
    Manifest,
    Pointing,
    Product,
    Request,
    RequestFailed,
    RunFailed,
    View,
    kind_of,
)
from foa_stage.tree import Report, RunTree

NAME = "analyzer"
MIB = 1 << 20
BASE_MIB = 600
"""Memory of Gammapy, of a piece of DL2 and of the maps, with some reserve.

Measured: 380 MiB of one run, with 150 000 events of DL2 as with 9.5 million.
"""
RUN_MIB = 4
"""Memory of a run's IRFs, background model and spectra; measured: 1 with 40 runs."""
EVENTS_SHARE = 8
"""Memory of a run's events, relative to its DL3 file: each step reads them anew.

Measured: 6.2 with 1 and 4 million events of DL3.
"""
_About = Dl2Ready | Dl3Ready | RunFailed


class _Models(View):
    production: str
    line: str


class _Run(View):
    """A run as results show it."""

    night: date
    grade: Grade
    criteria: tuple[Criterion, ...]
    pointing: Pointing
    models: _Models

    def describe(self, obs_id: int) -> dict[str, object]:
        """Return what is known of a run however far it came."""
        shared = {"night": self.night, "grade": self.grade, "criteria": self.criteria}
        models = f"{self.models.production}/{self.models.line}"
        return shared | {"obs_id": obs_id, "zenith": self.pointing.zenith, "models": models}


class _Dl2(View):
    run: _Run
    dl2: Product
    effective_s: float


class _Dl3(View):
    run: _Run
    dl3: Product
    irf_choice: str


@dataclass(frozen=True)
class _Runs:
    """The runs of one generation of a request, by obs_id."""

    dl2: Mapping[int, _Dl2]
    dl3: Mapping[int, _Dl3]
    """Of files that are there, made of the newest DL2 and IRFs."""
    failed: Mapping[int, RunFailed]

    @classmethod
    def read(cls, manifest: _About, tree: RunTree) -> Self:
        """Read what has been announced of them."""
        request_id, generation = manifest.request.id, manifest.generation
        dl2 = dict(tree.views_per_run(request_id, Dl2Ready, _Dl2, generation))
        dl3 = dict(_through(manifest, tree))
        failed = tree.newest_per_run(request_id, RunFailed, generation)
        return cls(dl2, dl3, {obs_id: failed[obs_id] for obs_id in failed.keys() - dl3.keys()})

    def describe(self, obs_id: int) -> AnalysedRun:
        """Describe a run that has DL2, DL3 or both; DL2 counts even if DL3 could not be made."""
        dl2, dl3 = self.dl2.get(obs_id), self.dl3.get(obs_id)
        described = (dl2 or self.dl3[obs_id]).run.describe(obs_id)
        of_dl2 = {"dl2": dl2.dl2, "effective_s": dl2.effective_s} if dl2 else {}
        of_dl3 = {"dl3": dl3.dl3, "irf_choice": dl3.irf_choice} if dl3 else {}
        return AnalysedRun.model_validate(described | of_dl2 | of_dl3)

    def describe_failures(self) -> tuple[FailedRun, ...]:
        """Describe the runs that failed, in the order of their numbers."""
        failures = (self.failed[obs_id] for obs_id in sorted(self.failed))
        return tuple(
            FailedRun(obs_id=failure.obs_id, stage=failure.stage, reason=failure.reason)
            for failure in failures
        )


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Ask for a first look, the final analysis, or nothing yet."""
    assert isinstance(manifest, _About)
    ended = _ended(manifest, tree)
    if len(ended) >= manifest.n_runs:  # seen without reading a thousand manifests
        if _is_earlier(manifest, tree):
            return Wait("a run that ended later asks for the final analysis")
        runs = _Runs.read(manifest, tree)
        ended = runs.dl3.keys() | runs.failed.keys()
        if len(ended) >= manifest.n_runs:
            return _ask(_final(manifest.request, runs))
    return _plan_first_look(manifest, tree) or _wait(len(ended), manifest)


def _plan_first_look(manifest: _About, tree: RunTree) -> JobSpec | None:
    """Ask for the run that came through first: it stays first, whatever comes after it.

    A request that has results, also of an earlier submission, gets no first look.
    """
    request, generation = manifest.request, manifest.generation
    if tree.has_results(request.id):
        return None
    for obs_id, dl3 in _through(manifest, tree):
        dl2 = tree.newest(request.id, Dl2Ready, obs_id, generation)
        of_dl2 = {obs_id: _Dl2.model_validate(dl2.model_dump())} if dl2 else {}
        return _ask(_first_look(request, _Runs(of_dl2, {obs_id: dl3}, {}).describe(obs_id)))
    return None


def _ask(request: AnalysisRequest) -> JobSpec:
    return JobSpec(request, memory_mib=memory_needed(request))


def memory_needed(request: AnalysisRequest) -> int:
    """Return the memory in MiB that an analysis needs.

    DL2 is read in pieces: its size does not matter. Of DL3, the events of one run at a time are in
    memory.
    """
    sizes = [run.dl3.size for run in request.runs if run.dl3]
    events = EVENTS_SHARE * max(sizes, default=0) / MIB
    return BASE_MIB + RUN_MIB * len(sizes) + int(events)


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Say that results exist, or that the analysis as a whole has failed."""
    assert isinstance(manifest, _About)
    told = {"request": manifest.request, "generation": manifest.generation}
    if report.outcome == "failed":
        return [RequestFailed.model_validate(told | {"reason": f"{NAME}: {report.reason}"})]
    results = {"phase": report.facts["phase"], "products": report.products}
    return [AnalysisReady.model_validate(told | results)]


def _ended(manifest: _About, tree: RunTree) -> Set[int]:
    """Return the runs that have come through or have failed, by what was announced."""
    request_id, generation = manifest.request.id, manifest.generation
    failed = tree.announced_runs(request_id, RunFailed, generation)
    return tree.announced_runs(request_id, Dl3Ready, generation) | failed


def _is_earlier(manifest: _About, tree: RunTree) -> bool:
    """Tell whether a run has ended since a manifest was recorded: its own manifest decides."""
    told = manifest.request.id, manifest.generation
    numbers = tree.announcements(*told)
    ends = (numbers.get(kind_of(kind), {}).values() for kind in (Dl3Ready, RunFailed))
    newest = max(number for of_kind in ends for number in of_kind)
    return numbers[manifest.kind].get(manifest.obs_id, newest) < newest


def _through(manifest: _About, tree: RunTree) -> Iterator[tuple[int, _Dl3]]:
    """Yield the runs whose DL3 files are there, and were made after their newest DL2 and IRFs.

    When one of these is made again, the DL3 file will be, too.
    """
    request_id, generation = manifest.request.id, manifest.generation
    numbers = tree.announcements(request_id, generation)
    made, dl2, irf = (numbers.get(kind_of(kind), {}) for kind in (Dl3Ready, Dl2Ready, IrfReady))
    for obs_id, dl3 in tree.views_per_run(request_id, Dl3Ready, _Dl3, generation):
        is_newest = made.get(obs_id, 0) > max(dl2.get(obs_id, 0), irf.get(obs_id, 0))
        if is_newest and tree.has_product(dl3.dl3):
            yield obs_id, dl3


def _wait(n_ended: int, manifest: _About) -> Wait:
    return Wait(f"{manifest.n_runs - n_ended} of {manifest.n_runs} runs are under way")


def _first_look(request: Request, first: AnalysedRun) -> AnalysisRequest:
    common = _common(request)
    return AnalysisRequest.model_validate(common | {"phase": "first-look", "runs": (first,)})


def _final(request: Request, runs: _Runs) -> AnalysisRequest:
    obs_ids = sorted(runs.dl2.keys() | runs.dl3.keys())
    described = {
        "runs": tuple(map(runs.describe, obs_ids)),
        "failed_runs": runs.describe_failures(),
    }
    return AnalysisRequest.model_validate(_common(request) | described | {"phase": "final"})


def _common(request: Request) -> dict[str, object]:
    """Return what all analyses of a request share."""
    profile = request.profile
    return {
        "title": request.id,
        "target": request.target,
        "profile": f"{profile.name} {profile.version}",
        "analysis": profile.analysis,
    }
