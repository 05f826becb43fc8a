"""Steps of an analysis: each makes one finding, and none that fails stops the others.

A step computes and writes nothing: it returns its findings, the files to write, and the data that
other steps need. Those steps hang below it, in `then`, and take its data as an argument.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from astropy.coordinates import SkyCoord
from gammapy.data import Observations

from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import StepFindings
from foa_stage.manifests import Analysis

log = logging.getLogger(__name__)

Given = TypeVar("Given")
Made = TypeVar("Made")
Writer = Callable[[Path], object]
"""Write one file at a path."""


def tell(progress: str) -> None:
    """Say what is done now, in a line on standard output, which `foa analyze` shows."""
    sys.stdout.write(f"{progress}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class RunSet:
    """A set of runs under analysis."""

    runs: tuple[AnalysedRun, ...]
    """Empty for a foreign directory, of which nothing but observations is known."""
    observations: Observations | None
    """DL3 data of the runs; None if there are none."""
    target: SkyCoord
    settings: Analysis
    directory: Path
    """Directory for files and figures."""


@dataclass(frozen=True)
class Found(Generic[Made]):
    """Result of a step."""

    findings: StepFindings
    files: Mapping[str, Writer]
    """Files to write, by name. A PNG file is a figure of the report."""
    data: Made
    """Data for the steps that hang below this one."""


@dataclass(frozen=True)
class Step(Generic[Given, Made]):
    """One step of an analysis.

    Parameters
    ----------
    name
        Name of the step in `unavailable` if it fails.
    find
        Make the findings of a set of runs from the data of the step above.
    then
        Steps that need the data this one makes. If it fails, they are left out.
    """

    name: str
    find: Callable[[RunSet, Given], Found[Made]]
    then: tuple["Step[Made, Any]", ...] = ()

    def run(self, run_set: RunSet, given: Given) -> Iterator[StepFindings]:
        """Do this step and those below it; yield the findings of each."""
        tell(f"{run_set.directory.name} runs: {self.name}")
        try:
            found = self.find(run_set, given)
        except Exception as error:
            yield self._unavailable(error)
            return
        yield found.findings
        for name, write in found.files.items():
            yield self._write(write, run_set.directory / name)
        for step in self.then:
            yield from step.run(run_set, found.data)

    def _write(self, write: Writer, path: Path) -> StepFindings:
        """Write a file; findings are kept if it cannot be made.

        Raises
        ------
        OSError
            If the disk is full or unreachable: another attempt may find it in order.
        """
        try:
            write(path)
        except OSError:
            raise
        except Exception as error:
            return self._unavailable(error)
        return StepFindings(figures=(path.name,)) if path.suffix == ".png" else StepFindings()

    def _unavailable(self, error: Exception) -> StepFindings:
        log.warning("%s: not available", self.name, exc_info=error)
        return StepFindings(unavailable={self.name: str(error) or type(error).__name__})
