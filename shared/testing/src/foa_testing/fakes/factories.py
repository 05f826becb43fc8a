"""Manifests with sensible defaults, for tests."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from foa_stage.manifests import (
    AnalysisReady,
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
    RequestFailed,
    RequestSubmitted,
    ResultsPhase,
    Run,
    RunFailed,
    RunSelected,
    Said,
    Target,
    TestNode,
)

CRAB = Target(name="Crab", ra=83.6324, dec=22.0174)
NIGHT = date(2024, 12, 5)
GOOD_SUBRUN = {
    "cos_zenith": 0.9,
    "ra_tel": CRAB.ra,
    "dec_tel": CRAB.dec + 0.4,
    "az_tel": 1.0,
    "diffuse_nsb_std": 1.5,
    "intensity_spectrum_fit_p_value": 0.5,
    "ZD_corrected_cosmics_spectral_index": -2.23,
    "ZD_corrected_cosmics_rate_at_422_pe": 1.7,
    "ZD_corrected_intensity_at_half_peak_rate": 45.0,
    "time": 0.0,
}
"""A subrun that passes every cut, by columns of a night's quality file (ra, dec in deg, az in rad).
"""
Runs = tuple[int, ...]


def make_archive(root: Path = Path("/archive")) -> Archive:
    """Return an archive in LSTOSA's layout below `root`."""
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
    """Return a request for one night."""
    profile = Profile(name="quick-look", version=1)
    nights = {"first_night": NIGHT, "last_night": NIGHT}
    archive = archive or make_archive()
    return Request(target=target, **nights, profile=profile, archive=archive)


def make_stamp(path: str = "/archive/file") -> FileStamp:
    """Return the stamp of a file of the archive."""
    return FileStamp(path=Path(path), size=10, mtime_ns=1)


def make_product(role: str, path: Path = Path("/archive/product"), content: str = "a") -> Product:
    """Return a product whose checksum stands for its content."""
    return Product(role=role, path=path, size=1, sha256=content * 64, events=1)


def make_run(obs_id: int = 1) -> Run:
    """Return a good run on the Crab."""
    return Run(
        obs_id=obs_id,
        night=NIGHT,
        dl1=make_stamp(f"/archive/dl1_{obs_id}.h5"),
        grade=Grade.GOOD,
        criteria=(),
        pointing=Pointing(ra=83.6, dec=22.4, zenith=20, azimuth=100),
        elapsed_s=1200,
        models=make_models(),
        nodes=(TestNode(name="node_a", dl2=make_stamp("/archive/mc/a")),),
    )


def make_models() -> Models:
    """Return the models of a production without files."""
    return Models(
        production="p",
        line="dec_2276",
        nsb_rate=0.1,
        directory=Path("/archive/models/p/dec_2276"),
        files=(),
        config=make_stamp(),
    )


def _about(obs_id: int, obs_ids: Runs) -> dict[str, Any]:
    generation = request_submitted().generation
    about = {"request": make_request(), "generation": generation}
    return about | {"obs_id": obs_id, "n_runs": len(obs_ids)}


def request_submitted(minute: int = 0) -> RequestSubmitted:
    """Say that somebody asked, at a minute of some hour: every one opens a generation."""
    when = datetime(2024, 12, 6, 9, minute, tzinfo=UTC)
    return RequestSubmitted(request=make_request(), inputs="0", said=Said(who="shifter", when=when))


def run_selected(obs_id: int = 1, obs_ids: Runs = (1,)) -> RunSelected:
    """Say that a run was found."""
    return RunSelected(**_about(obs_id, obs_ids), run=make_run(obs_id))


def dl2_ready(obs_id: int = 1, obs_ids: Runs = (1,), dl2: Product | None = None) -> Dl2Ready:
    """Say that a run was reconstructed."""
    made = {"run": make_run(obs_id), "dl2": dl2 or make_product("dl2")}
    return Dl2Ready(**_about(obs_id, obs_ids), **made, effective_s=1100, elapsed_s=1200)


def irf_ready(obs_id: int = 1, obs_ids: Runs = (1,)) -> IrfReady:
    """Say that a run's IRFs exist."""
    irfs = (make_product("node_a"),)
    return IrfReady(**_about(obs_id, obs_ids), run=make_run(obs_id), irfs=irfs)


def dl3_ready(obs_id: int = 1, obs_ids: Runs = (1,), dl3: Product | None = None) -> Dl3Ready:
    """Say that a run's event list exists."""
    made = {"run": make_run(obs_id), "dl3": dl3 or make_product("dl3"), "made_of": ("a" * 64,)}
    return Dl3Ready(**_about(obs_id, obs_ids), **made, irf_choice="nearest: node_a")


def run_failed(obs_id: int = 1, obs_ids: Runs = (1,)) -> RunFailed:
    """Say that a run went no further."""
    return RunFailed(**_about(obs_id, obs_ids), stage="dl3-maker", reason="no IRF")


def request_failed(reason: str = "no run") -> RequestFailed:
    """Say that nothing can be analysed."""
    generation = request_submitted().generation
    return RequestFailed(request=make_request(), generation=generation, reason=reason)


def analysis_ready(
    phase: ResultsPhase = "final", results: Product | None = None, minute: int = 0
) -> AnalysisReady:
    """Say that results exist, of what was submitted at a minute."""
    products = (results or make_product("results.json"),)
    about = {"request": make_request(), "generation": request_submitted(minute).generation}
    return AnalysisReady.model_validate(about | {"phase": phase, "products": products})
