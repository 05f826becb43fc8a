"""What the analyzer decides: a first look when the first run is through, the final one when none is left to come."""

from foa.jobs import JobSpec, Wait
from foa.manifests import (
    AnalysisReady,
    Dl2Ready,
    Dl3Ready,
    IrfReady,
    Manifest,
    Request,
    RequestFailed,
    Run,
    RunFailed,
)
from foa.tree import Report, RunTree

from foa_analyzer.request import AnalysedRun, AnalysisRequest, LostRun

NAME = "analyzer"


def plan(manifest: Manifest, tree: RunTree) -> JobSpec | Wait:
    """Look at what all runs of the request have become."""
    assert isinstance(manifest, Dl2Ready | Dl3Ready | RunFailed)
    request = manifest.request
    missing = set(manifest.obs_ids) - tree.told_runs(request.id, Dl3Ready) - tree.told_runs(request.id, RunFailed)
    if missing and tree.told_runs(request.id, AnalysisReady):  # seen without reading a thousand manifests
        return _wait(missing)
    dl2 = tree.newest_per_run(request.id, Dl2Ready)
    irf = tree.newest_per_run(request.id, IrfReady)
    made = tree.newest_per_run(request.id, Dl3Ready).items()
    dl3 = {k: m for k, m in made if m.dl3.path.exists() and _inputs(dl2.get(k), irf.get(k)) <= set(m.made_of)}
    failed = {k: m for k, m in tree.newest_per_run(request.id, RunFailed).items() if k not in dl3}
    pending = set(manifest.obs_ids) - dl3.keys() - failed.keys()
    if pending and (not dl3 or tree.manifests(request.id, AnalysisReady)):
        return _wait(pending)
    # the run that came through first stays first, whatever comes after it
    obs_ids = list(dl3)[:1] if pending else sorted(dl2.keys() | dl3.keys())
    runs = tuple(_run(obs_id, dl2.get(obs_id), dl3.get(obs_id)) for obs_id in obs_ids)
    return JobSpec(_request(request, runs, tuple(failed.values()), final=not pending))


def conclude(manifest: Manifest, report: Report) -> list[Manifest]:
    """Results exist, or the analysis as a whole has failed."""
    if report.outcome == "failed":
        return [RequestFailed(request=manifest.request, reason=f"{NAME}: {report.reason}")]
    return [AnalysisReady(request=manifest.request, phase=report.facts["phase"], products=report.products)]


def _wait(obs_ids: set[int]) -> Wait:
    return Wait(f"runs {', '.join(map(str, sorted(obs_ids)))}")


def _inputs(dl2: Dl2Ready | None, irf: IrfReady | None) -> set[str]:
    """What a run's DL3 must be made of: when one of these was made again, the DL3 will be, too."""
    products = (*((dl2.dl2,) if dl2 else ()), *(irf.irfs if irf else ()))
    return {product.sha256 for product in products}


def _request(
    request: Request, runs: tuple[AnalysedRun, ...], failed: tuple[RunFailed, ...], *, final: bool
) -> AnalysisRequest:
    lost = [LostRun(obs_id=run.obs_id, stage=run.stage, reason=run.reason) for run in failed] if final else []
    return AnalysisRequest(
        title=request.id, phase="final" if final else "first-look", target=request.target,
        profile=f"{request.profile.name} {request.profile.version}", analysis=request.profile.analysis, runs=runs,
        lost=tuple(sorted(lost, key=lambda run: run.obs_id)),
    )  # fmt: skip


def _run(obs_id: int, dl2: Dl2Ready | None, dl3: Dl3Ready | None) -> AnalysedRun:
    """A run that has DL2, DL3 or both; its DL2 counts though its DL3 could not be made."""
    either = dl2 or dl3
    assert either is not None
    run: Run = either.run
    return AnalysedRun(
        obs_id=obs_id, night=run.night, grade=run.grade, criteria=run.criteria, zenith=run.pointing.zenith,
        models=f"{run.models.production}/{run.models.line}", dl2=dl2.dl2 if dl2 else None,
        effective_s=dl2.effective_s if dl2 else None, dl3=dl3.dl3 if dl3 else None,
        irf_choice=dl3.irf_choice if dl3 else "",
    )  # fmt: skip
