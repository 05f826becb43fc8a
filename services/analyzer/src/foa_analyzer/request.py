"""The request to the analyzer's stage."""

from datetime import date
from pathlib import Path

from pydantic import AliasChoices, Field

from foa_stage.manifests import Analysis, Criterion, Frozen, Grade, Product, ResultsPhase, Target


class AnalysedRun(Frozen):
    """A run with what exists of it."""

    obs_id: int
    night: date | None = None
    grade: Grade = Grade.USABLE
    criteria: tuple[Criterion, ...] = ()
    zenith: float | None = None
    models: str = ""
    dl2: Product | None = None
    effective_s: float | None = None
    dl3: Product | None = None
    irf_choice: str = ""


class FailedRun(Frozen):
    """A run that failed."""

    obs_id: int
    stage: str
    reason: str


class AnalysisRequest(Frozen):
    """Runs of the request, or all observations of a GADF directory."""

    title: str
    phase: ResultsPhase
    target: Target
    profile: str
    analysis: Analysis
    runs: tuple[AnalysedRun, ...] = ()
    failed_runs: tuple[FailedRun, ...] = Field(
        default=(),
        # the name until version 0.1
        validation_alias=AliasChoices("failed_runs", "lost"),
    )
    store: Path | None = None
