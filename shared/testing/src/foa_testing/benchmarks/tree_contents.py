"""Fill a run tree fast, as if it had served for years: without syncing what is written."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from foa_stage.manifests import (
    AnalysisReady,
    Manifest,
    Request,
    RequestSubmitted,
    Run,
    write_manifest,
)
from foa_stage.tree import RunTree
from foa_stage.tree.documents import name_of
from foa_testing.fakes import factories


def record_fast(tree: RunTree, request: Request, manifests: Iterable[Manifest]) -> None:
    """Record manifests of a request that the tree does not know yet."""
    directory = tree.request_directory(request.id)
    for name in ("journal", "jobs"):
        (directory / name).mkdir(parents=True)
    (directory / "request.json").write_text(request.model_dump_json())
    for number, manifest in enumerate(manifests, start=1):
        path = directory / "manifests" / name_of(manifest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write_manifest(manifest))
        link = directory / "journal" / f"{number:08d}"
        link.symlink_to(Path("../manifests") / name_of(manifest))


def manifests_of(request: Request, run: Run, n_runs: int, dl3: Path) -> Iterator[Manifest]:
    """Yield what is told of a request whose runs, all like `run`, came through to one DL3 file."""
    submitted = factories.request_submitted().model_copy(update={"request": request})
    yield submitted
    about = {"request": request, "generation": submitted.generation, "n_runs": n_runs}
    for obs_id in range(1, n_runs + 1):
        dl1 = run.dl1.model_copy(update={"mtime_ns": obs_id})
        of_run = about | {"run": run.model_copy(update={"obs_id": obs_id, "dl1": dl1})}
        for manifest in _of_run(obs_id, dl3):
            yield manifest.model_copy(update=of_run)
    yield _results(submitted, dl3)


def _of_run(obs_id: int, path: Path) -> list[Manifest]:
    dl2, dl3 = (factories.make_product(role, path) for role in ("dl2", "dl3"))
    through = factories.dl2_ready(obs_id, dl2=dl2), factories.irf_ready(obs_id)
    return [factories.run_selected(obs_id), *through, factories.dl3_ready(obs_id, dl3=dl3)]


def _results(submitted: RequestSubmitted, path: Path) -> AnalysisReady:
    products = (factories.make_product("results.json", path),)
    told = {"request": submitted.request, "generation": submitted.generation}
    return AnalysisReady.model_validate(told | {"phase": "final", "products": products})
