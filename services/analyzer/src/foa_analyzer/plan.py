"""Decisions of the analyzer.

The first run that comes through starts a first look, the last to come through or to fail the final
analysis.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from foa_analyzer.request import AnalysedRun, AnalysisRequest, FailedRun
from foa_stage.jobs import JobSpec, Wait
from foa_stage.manifests import (
    AnalysisReady,
    Dl2Ready,
    Dl3Ready,
    IrfReady,
    Manifest,
    Request,
    RequestFailed,
    RunFailed,
)
from foa_stage.tree import Report, RunTree

NAME = "analyzer"


@dataclass(frozen=True)
class _Runs:
    """State of a request's runs, by obs_id."""

    dl2: Mapping[int, Dl2Ready]
    dl3: Mapping[int, Dl3Ready]
    """Of files that are there, made of the newest DL2 and IRFs."""
    failed: Mapping[int, RunFailed]

    @classmethod
    def read(cls, request_id: str, tree: RunTree) -> Self:
        """Read what has been announced of them."""
        dl2 = tree.newest_per_run(request_id, Dl2Ready)
        irfs = tree.newest_per_run(request_id, IrfReady)
        dl3 = {
            obs_id: manifest
            for obs_id, manifest in tree.newest_per_run(request_id, Dl3Ready).items()
            if tree.holds(manifest.dl3)
            and _inputs(dl2.get(obs_id), irfs.get(obs_id)) <= set(manifest.made_of)
        }
        failed = tree.newest_per_run(request_id, RunFailed)
        return cls(dl2, dl3, {obs_id: failed[obs_id] for obs_id in failed.keys() - dl3.keys()})

    def describe(self, obs_id: int) -> AnalysedRun:
        """Describe a run that has DL2, DL3 or both; DL2 counts even if DL3 could not be made."""
        dl2, dl3 = self.dl2.get(obs_id), self.dl3.get(obs_id)
        of_dl2 = {"dl2": dl2.dl2, "effective_s": dl2.effective_s} if dl2 else {}
        of_dl3 = {"dl3": dl3.dl3, "irf_choice": dl3.irf_choice} if dl3 else {}
        return AnalysedRun.model_validate(_describe(dl2 or self.dl3[obs_id]) | of_dl2 | of_dl3)

    def describe_failures(self) -> tuple[FailedRun, ...]:
        """Describe the runs that failed, in the order of their numbers."""
        failures = (self.failed[obs_id] for obs_id in sorted(self.failed))
        return tuple(
            FailedRun(obs_id=failure.obs_id, stage=failure.stage, reason=failure.reason)
            for failure in failures
        )


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Ask for a first look, the final analysis, or nothing yet."""
    assert isinstance(manifest, Dl2Ready | Dl3Ready | RunFailed)
    request = manifest.request
    looked = bool(tree.announced_runs(request.id, AnalysisReady))
    unheard = _unheard(manifest, tree)
    if unheard and looked:  # seen without reading a thousand manifests
        return _wait(unheard)
    runs = _Runs.read(request.id, tree)
    pending = set(manifest.obs_ids) - runs.dl3.keys() - runs.failed.keys()
    if not pending:
        return JobSpec(_final(request, runs))
    if looked or not runs.dl3:
        return _wait(pending)
    return JobSpec(_first_look(request, runs))


def announce(manifest: Manifest, report: Report) -> list[Manifest]:
    """Say that results exist, or that the analysis as a whole has failed."""
    request = manifest.request
    if report.outcome == "failed":
        return [RequestFailed(request=request, reason=f"{NAME}: {report.reason}")]
    phase = report.facts["phase"]
    return [AnalysisReady(request=request, phase=phase, products=report.products)]


def _unheard(manifest: Dl2Ready | Dl3Ready | RunFailed, tree: RunTree) -> set[int]:
    """Return the runs that neither have come through nor have failed."""
    ended = (tree.announced_runs(manifest.request.id, kind) for kind in (Dl3Ready, RunFailed))
    return set(manifest.obs_ids).difference(*ended)


def _wait(obs_ids: set[int]) -> Wait:
    return Wait(f"runs {', '.join(map(str, sorted(obs_ids)))}")


def _inputs(dl2: Dl2Ready | None, irf: IrfReady | None) -> set[str]:
    """Return the digests that a run's DL3 file must be made of.

    When one of these files was made again, the DL3 file will be, too.
    """
    products = (*((dl2.dl2,) if dl2 else ()), *(irf.irfs if irf else ()))
    return {product.sha256 for product in products}


def _first_look(request: Request, runs: _Runs) -> AnalysisRequest:
    """Ask for the run that came through first: it stays first, whatever comes after it."""
    first = runs.describe(next(iter(runs.dl3)))
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


def _describe(manifest: Dl2Ready | Dl3Ready) -> dict[str, object]:
    """Return what is known of a run however far it came."""
    run = manifest.run
    return {
        "obs_id": manifest.obs_id,
        "night": run.night,
        "grade": run.grade,
        "criteria": run.criteria,
        "zenith": run.pointing.zenith,
        "models": f"{run.models.production}/{run.models.line}",
    }
