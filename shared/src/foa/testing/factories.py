"""Manifests with sensible defaults, for tests."""

from datetime import date
from pathlib import Path

from foa.manifests import (
    Archive,
    Dl2Ready,
    Dl3Ready,
    FileStamp,
    Grade,
    IrfReady,
    Models,
    Pointing,
    Product,
    Profile,
    Request,
    RequestSubmitted,
    Run,
    RunFailed,
    RunSelected,
    Target,
    TestNode,
)

CRAB = Target(name="Crab", ra=83.6324, dec=22.0174)


def make_archive(root: Path = Path("/archive")) -> Archive:
    """An archive in LSTOSA's layout below `root`."""
    return Archive(
        run_summary=f"{root}/RunSummary_{{night}}.ecsv",
        run_catalog=f"{root}/RunCatalog_{{night}}.ecsv",
        datacheck=f"{root}/DL1_datacheck_{{night}}.h5",
        dl1=f"{root}/DL1/{{night}}/v*/tailcut*/dl1_LST-1.Run{{obs_id:05d}}.h5",
        tailcuts=f"{root}/log_find_tailcuts_Run{{obs_id:05d}}.log",
        models=f"{root}/models",
        production="20240918_v0.10.12_allsky_",
        test_dl2=f"{root}/mc/{{production}}/{{line}}/*/dl2_*.h5",
    )


def make_request(target: Target = CRAB, archive: Archive | None = None) -> Request:
    """A request for one night."""
    night = date(2024, 12, 5)
    profile = Profile(name="quick-look", version=1)
    return Request(
        target=target, first_night=night, last_night=night, profile=profile, archive=archive or make_archive()
    )


def make_stamp(path: str = "/archive/file") -> FileStamp:
    """A file of the archive."""
    return FileStamp(path=Path(path), size=10, mtime_ns=1)


def make_product(role: str, path: Path = Path("/archive/product"), content: str = "a") -> Product:
    """A product whose checksum stands for its content."""
    return Product(role=role, path=path, size=1, sha256=content * 64, events=1)


def make_run(obs_id: int = 1, grade: Grade = Grade.GOOD) -> Run:
    """A run on the Crab."""
    models = Models(
        production="p",
        line="dec_2276",
        nsb_rate=0.1,
        directory=Path("/archive/models/p/dec_2276"),
        files=(),
        config=make_stamp(),
    )
    return Run(
        obs_id=obs_id, night=date(2024, 12, 5), dl1=make_stamp(f"/archive/dl1_{obs_id}.h5"), grade=grade, criteria=(),
        pointing=Pointing(ra=83.6, dec=22.4, zenith=20, azimuth=100), elapsed_s=1200, models=models,
        nodes=(TestNode(name="node_a", dl2=make_stamp("/archive/mc/a")),),
    )  # fmt: skip


def request_submitted() -> RequestSubmitted:
    """Somebody asked."""
    return RequestSubmitted(request=make_request(), inputs="0")


def run_selected(obs_id: int = 1, obs_ids: tuple[int, ...] = (1,), grade: Grade = Grade.GOOD) -> RunSelected:
    """The selector found a run."""
    return RunSelected(request=make_request(), obs_id=obs_id, obs_ids=obs_ids, run=make_run(obs_id, grade))


def dl2_ready(obs_id: int = 1, obs_ids: tuple[int, ...] = (1,), dl2: Product | None = None) -> Dl2Ready:
    """A run was reconstructed."""
    return Dl2Ready(
        request=make_request(), obs_id=obs_id, obs_ids=obs_ids, run=make_run(obs_id), dl2=dl2 or make_product("dl2"),
        effective_s=1100, elapsed_s=1200,
    )  # fmt: skip


def irf_ready(obs_id: int = 1, obs_ids: tuple[int, ...] = (1,)) -> IrfReady:
    """A run's IRFs exist."""
    return IrfReady(
        request=make_request(), obs_id=obs_id, obs_ids=obs_ids, run=make_run(obs_id), irfs=(make_product("node_a"),)
    )


def dl3_ready(obs_id: int = 1, obs_ids: tuple[int, ...] = (1,), dl3: Product | None = None) -> Dl3Ready:
    """A run's event list exists."""
    return Dl3Ready(
        request=make_request(), obs_id=obs_id, obs_ids=obs_ids, run=make_run(obs_id), dl3=dl3 or make_product("dl3"),
        made_of=("a" * 64,), irf_choice="nearest: node_a",
    )  # fmt: skip


def run_failed(obs_id: int = 1, obs_ids: tuple[int, ...] = (1,)) -> RunFailed:
    """A run went no further."""
    return RunFailed(request=make_request(), obs_id=obs_id, obs_ids=obs_ids, stage="dl3-maker", reason="no IRF")
