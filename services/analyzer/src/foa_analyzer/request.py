"""What the analyzer's stage is asked."""

from datetime import date
from pathlib import Path
from typing import Literal

from foa.manifests import Analysis, Criterion, Frozen, Grade, Product, Target


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


class LostRun(Frozen):
    """A run that failed."""

    obs_id: int
    stage: str
    reason: str


class AnalysisRequest(Frozen):
    """Runs of the request, or all observations of a GADF directory."""

    title: str
    phase: Literal["first-look", "final"]
    target: Target
    profile: str
    analysis: Analysis
    runs: tuple[AnalysedRun, ...] = ()
    lost: tuple[LostRun, ...] = ()
    store: Path | None = None
