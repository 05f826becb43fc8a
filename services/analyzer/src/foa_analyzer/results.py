"""Schema of `results.json`, what the analyzer found.

Counts are numbers of events, times in s, energies in TeV, angles in deg, differential fluxes in
cm⁻² s⁻¹ TeV⁻¹, integral fluxes in cm⁻² s⁻¹. Significances stand under keys of that name.
A number that could not be computed is null, a finding that could not be made is absent; then
`unavailable` holds the reason.
"""

from typing import Literal

from pydantic import AliasChoices, Field

from foa_analyzer.request import AnalysedRun, FailedRun
from foa_stage.manifests import Frozen, ResultsPhase, Target

Number = float | None


class Counts(Frozen):
    """On and off counts and what follows (Li & Ma 1983, eq. 17)."""

    n_on: float
    n_off: float
    acceptance_ratio: Number
    """On exposure over off exposure."""
    excess: Number
    significance: Number


class Theta2(Frozen):
    """A theta² distribution; `counts` are those below the cut."""

    name: str
    level: Literal["DL2", "DL3"]
    energy_min: float
    energy_max: float
    cut: float
    n_runs: int
    effective_s: float
    counts: Counts
    edges: tuple[float, ...]
    on: tuple[float, ...]
    off: tuple[float, ...]


class SkyMap(Frozen):
    """Significance maps with the acceptance model."""

    background: str
    energy_min: float
    significance: Number
    """At the target."""
    peak_significance: Number
    peak_ra: float
    peak_dec: float
    off_mean: Number
    off_width: Number
    """Mean and standard deviation of the significances away from the target.

    With a good background they are 0 and 1.
    """
    n_counts: float


class Parameter(Frozen):
    """A fitted value and its error."""

    value: float
    error: Number
    unit: str


class Model(Frozen):
    """A spectral model fitted to the data; the amplitude is at `reference`."""

    name: Literal["power-law", "log-parabola"]
    converged: bool
    reference: float
    parameters: dict[str, Parameter]
    fit_statistic: float


class FluxPoint(Frozen):
    """Differential flux in one energy bin; the upper limit is at 95 % confidence."""

    energy_min: float
    energy_ref: float
    energy_max: float
    dnde: Number
    dnde_error: Number
    dnde_upper_limit: Number
    significance: Number
    is_upper_limit: bool


class UpperLimit(Frozen):
    """Integral flux upper limit at 95 % confidence for a power law of given index."""

    energy_min: float
    energy_max: float
    index: float
    flux: Number


class Spectrum(Frozen):
    """1D spectrum from reflected regions."""

    counts: Counts
    livetime_s: float
    n_runs: int
    detected: bool
    models: tuple[Model, ...]
    preferred: str | None
    flux_points: tuple[FluxPoint, ...]
    upper_limit: UpperLimit | None


class LightCurvePoint(Frozen):
    """Integral flux during one interval (MJD, UTC)."""

    time_min: float
    time_max: float
    flux: Number
    flux_error: Number
    flux_upper_limit: Number
    significance: Number


class LightCurve(Frozen):
    """Integral fluxes per run or per night."""

    per: Literal["run", "night"]
    energy_min: float
    energy_max: float
    points: tuple[LightCurvePoint, ...]


class _RunSet(Frozen):
    obs_ids: tuple[int, ...]
    livetime_s: float


class StepFindings(Frozen):
    """Contribution of one step of the analysis: it sets the fields it is about."""

    theta2: tuple[Theta2, ...] = ()
    sky_map: SkyMap | None = None
    spectrum: Spectrum | None = None
    light_curves: tuple[LightCurve, ...] = ()
    unavailable: dict[str, str] = {}
    """Steps that could not be done, and why."""
    excluded: dict[str, str] = {}
    """Runs left out of the spectrum and light curves, and why."""
    figures: tuple[str, ...] = ()


class Findings(StepFindings, _RunSet):
    """Everything found in one set of runs."""


class Results(Frozen):
    """`results.json`."""

    schema_version: Literal[1, 2] = 2
    title: str
    phase: ResultsPhase
    target: Target
    profile: str
    versions: dict[str, str]
    runs: tuple[AnalysedRun, ...]
    failed_runs: tuple[FailedRun, ...] = Field(
        # the name in schema version 1
        validation_alias=AliasChoices("failed_runs", "lost")
    )
    findings: dict[Literal["all", "good"], Findings]
