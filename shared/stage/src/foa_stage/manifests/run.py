"""One observed run as FOA knows it: where it pointed, how good it is, which models fit it."""

from datetime import date
from enum import StrEnum
from pathlib import Path

from foa_stage.manifests.canonical import Frozen
from foa_stage.manifests.files import FileStamp


class Grade(StrEnum):
    """Quality of a run. It informs; every run is analysed."""

    GOOD = "good"
    """All criteria of the data-quality notebook hold."""
    USABLE = "usable"
    """No criterion fails, but some could not be evaluated."""
    BAD = "bad"


class Criterion(Frozen):
    """One criterion of run quality, its value and its limit."""

    name: str
    passed: bool | None
    """None: could not be evaluated."""
    value: float | None
    limit: str


class Pointing(Frozen):
    """Mean pointing in degrees; zenith and azimuth only where datacheck files tell them."""

    ra: float
    dec: float
    zenith: float | None = None
    azimuth: float | None = None


class Models(Frozen):
    """The Random Forests chosen for a run."""

    production: str
    line: str
    nsb_rate: float | None
    """Additional NSB in p.e./ns; None where the tailcuts finder left no log.

    Then the lowest level was taken.
    """
    directory: Path
    files: tuple[FileStamp, ...]
    config: FileStamp


class TestNode(Frozen):
    """Test MC of one pointing node, reconstructed with the chosen forests."""

    name: str
    dl2: FileStamp


class Run(Frozen):
    """Everything the selection found out about a run."""

    obs_id: int
    night: date
    dl1: FileStamp
    grade: Grade
    criteria: tuple[Criterion, ...]
    pointing: Pointing
    elapsed_s: float | None
    models: Models
    nodes: tuple[TestNode, ...]
