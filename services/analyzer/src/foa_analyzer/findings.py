"""The steps of the analysis, and everything they find in one set of runs."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from gammapy.data import Observations

from foa_analyzer import lightcurve, observations, skymap, spectrum, theta2
from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import Findings, StepFindings
from foa_analyzer.steps import RunSet, Step
from foa_analyzer.theta2 import Dl2Counter
from foa_stage.manifests import Analysis

Runs = tuple[AnalysedRun, ...]


def dl2_steps(settings: Analysis, counter: Dl2Counter) -> tuple[Step[Runs, Any], ...]:
    """Return the steps that take the runs with DL2 files, in their order."""
    of_cuts = tuple(
        Step(f"theta2 DL2 {cuts.name}", partial(theta2.find_in_dl2, place))
        for place, cuts in enumerate(settings.theta2_dl2)
    )
    counted = Step("theta2 DL2", partial(theta2.count_dl2, counter), then=of_cuts)
    return (counted,) if of_cuts else ()


def dl3_steps(settings: Analysis) -> tuple[Step[Observations, Any], ...]:
    """Return the steps that take the observations with DL3 data, in their order."""
    light_curves = Step("light curve", lightcurve.find)
    measured = Step("spectrum", spectrum.find, then=(light_curves,))
    return (
        Step("theta2 DL3", partial(theta2.find_in_dl3, settings.theta2_dl3)),
        Step("sky map", skymap.find),
        Step("runs of the spectrum", observations.find_usable, then=(measured,)),
    )


def analyse(run_set: RunSet, counter: Dl2Counter) -> Findings:
    """Do every step that the data allow."""
    run_set.directory.mkdir(parents=True, exist_ok=True)
    return _join(_describe(run_set), _run_steps(run_set, counter))


def _run_steps(run_set: RunSet, counter: Dl2Counter) -> Iterator[StepFindings]:
    if with_dl2 := tuple(run for run in run_set.runs if run.dl2):
        for step in dl2_steps(run_set.settings, counter):
            yield from step.run(run_set, with_dl2)
    if run_set.observations is None:
        yield StepFindings(unavailable={"DL3": "no run has DL3 data"})
        return
    for step in dl3_steps(run_set.settings):
        yield from step.run(run_set, run_set.observations)


def _describe(run_set: RunSet) -> Findings:
    """Describe the runs, before anything is found in them."""
    observed = run_set.observations or []
    obs_ids = [run.obs_id for run in run_set.runs] or [int(one.obs_id) for one in observed]
    return Findings(obs_ids=tuple(obs_ids), livetime_s=observations.livetime(observed))


def _join(findings: Findings, parts: Iterable[StepFindings]) -> Findings:
    """Add what steps found: to tuples and dictionaries it is added, other fields are set."""
    fields = dict(findings)
    for part in parts:
        for name in part.model_fields_set:
            fields[name] = _add(fields[name], getattr(part, name))
    return Findings.model_validate(fields)


def _add(known: Any, value: Any) -> Any:
    if isinstance(value, tuple):
        return (*known, *value)
    return known | value if isinstance(value, dict) else value
