"""Tables of the results, as all reports show them: HTML, wiki page and terminal.

Cells and notes are plain text; whoever renders them escapes what is markup there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import Counts, Findings, Model, Results, UpperLimit
from foa_stage.manifests import Criterion

Row = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    unit: str = ""
    align: str = "left"
    """`left`, or `right` for numbers."""
    colours: tuple[tuple[str, str], ...] = ()
    """Cells to be coloured, with the name of the colour: green, yellow or red."""

    @property
    def heading(self) -> str:
        """Return name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def colour_of(self, cell: str) -> str:
        """Return the colour of a cell; empty if it has none."""
        return dict(self.colours).get(cell, "")


@dataclass(frozen=True)
class Table:
    """A table with its notes and figures; it may have no rows."""

    title: str
    layout: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Lines below the table."""
    figures: tuple[str, ...] = ()
    """Paths relative to `results.json`."""
    detailed: bool = False
    """Whether it is too wide for a terminal; `foa why` tells the same."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the headings of the columns, units included."""
        return tuple(column.heading for column in self.layout)


@dataclass(frozen=True)
class Shown:
    """A finding as it is shown: rows of the table of significances, and notes."""

    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()


def read_results(content: bytes) -> Results:
    """Read `results.json` of any schema version.

    Raises
    ------
    ValueError
        If it is not valid.
    """
    return Results.model_validate_json(content)


def show(content: bytes) -> list[Table]:
    """Return the tables of a `results.json`."""
    return tables_of(read_results(content))


def tables_of(results: Results) -> list[Table]:
    """Return a table of each set of runs, one of the runs, and one of those that failed."""
    findings = [_tabulate_findings(name, one) for name, one in results.findings.items()]
    of_runs = [_tabulate_runs(results)] if results.runs else []
    of_failures = [_tabulate_failures(results)] if results.failed_runs else []
    return [*findings, *of_runs, *of_failures]


def spell(value: float | None, pattern: str = "{:.2f}") -> str:
    """Spell a number; a dash where there is none."""
    return "–" if value is None else pattern.format(value)


SIGNIFICANCES = (
    Column("analysis"),
    Column("on", align="right"),
    Column("off", align="right"),
    Column("on/off exposure", align="right"),
    Column("excess", align="right"),
    Column("significance", unit="σ", align="right"),
)


def _tabulate_findings(name: str, findings: Findings) -> Table:
    """Return the significances of one set of runs, with everything else found in it as notes."""
    n_runs, minutes = len(findings.obs_ids), findings.livetime_s / 60
    shown = [show_one(findings) for show_one in SHOWN]
    rows = tuple(row for one in shown for row in one.rows)
    notes = tuple(note for one in shown for note in one.notes)
    return Table(
        f"{name.capitalize()} runs",
        SIGNIFICANCES,
        rows,
        (f"{n_runs} runs, livetime {spell(minutes, '{:.1f}')} min.", *notes),
        tuple(f"{name}/{figure}" for figure in findings.figures),
    )


def _show_theta2(findings: Findings) -> Shown:
    return Shown(
        tuple(
            _spell_counts(f"θ² {one.level} {one.name}, θ² < {one.cut} deg²", one.counts)
            for one in findings.theta2
        )
    )


def _show_spectrum(findings: Findings) -> Shown:
    spectrum = findings.spectrum
    if spectrum is None:
        return Shown()
    row = _spell_counts("spectrum (energy-dependent cuts)", spectrum.counts)
    models = (_spell_model(model, spectrum.preferred) for model in spectrum.models)
    limits = (_spell_limit(spectrum.upper_limit),) if spectrum.upper_limit else ()
    return Shown((row,), (*models, *limits))


def _show_sky_map(findings: Findings) -> Shown:
    sky_map = findings.sky_map
    if sky_map is None:
        return Shown()
    name = f"sky map at the target ({sky_map.background})"
    return Shown(((name, "", "", "", "", spell(sky_map.significance, "{:.1f}")),))


def _show_missing(findings: Findings) -> Shown:
    """Note what could not be computed, and from what."""
    steps, runs = findings.unavailable.items(), findings.excluded.items()
    unavailable = (f"{step}: not available: {reason}" for step, reason in steps)
    excluded = (f"Run {run} not in spectrum and light curves: {reason}" for run, reason in runs)
    return Shown(notes=(*unavailable, *excluded))


SHOWN: tuple[Callable[[Findings], Shown], ...] = (
    _show_theta2,
    _show_spectrum,
    _show_sky_map,
    _show_missing,
)
"""One function per finding, in the order of their rows."""


def _spell_counts(analysis: str, counts: Counts) -> Row:
    return (
        analysis,
        spell(counts.n_on, "{:.0f}"),
        spell(counts.n_off, "{:.0f}"),
        spell(counts.acceptance_ratio, "{:.3f}"),
        spell(counts.excess, "{:.1f}"),
        spell(counts.significance, "{:.1f}"),
    )


def _spell_model(model: Model, preferred: str | None) -> str:
    mark = " (preferred)" if model.name == preferred else ""
    values = ", ".join(
        f"{name} = {spell(one.value, '{:.3g}')} ± {spell(one.error, '{:.2g}')} {one.unit}".rstrip()
        for name, one in model.parameters.items()
    )
    return f"{model.name}{mark} at {model.reference} TeV: {values}"


def _spell_limit(limit: UpperLimit) -> str:
    low, high = spell(limit.energy_min, "{:.2g}"), spell(limit.energy_max, "{:.3g}")
    flux = f"{spell(limit.flux, '{:.2e}')} cm⁻² s⁻¹ (95 %, index {limit.index})"
    return f"No detection: flux between {low} and {high} TeV below {flux}."


RUNS = (
    Column("run"),
    Column("night"),
    Column("zenith", unit="°", align="right"),
    Column("grade", colours=(("good", "green"), ("usable", "yellow"), ("bad", "red"))),
    Column("fails"),
    Column("models"),
    Column("IRF"),
)


def _tabulate_runs(results: Results) -> Table:
    rows = tuple(map(_spell_run, results.runs))
    return Table("Runs", RUNS, rows, figures=("quality.png",), detailed=True)


def _spell_run(run: AnalysedRun) -> Row:
    fails = "; ".join(map(_spell_criterion, _failed_criteria(run)))
    night, zenith = str(run.night or ""), spell(run.zenith, "{:.1f}")
    return str(run.obs_id), night, zenith, run.grade.value, fails, run.models, run.irf_choice


def _failed_criteria(run: AnalysedRun) -> Iterator[Criterion]:
    return (one for one in run.criteria if one.passed is False)


def _spell_criterion(criterion: Criterion) -> str:
    return f"{criterion.name}: {spell(criterion.value, '{:.3g}')}, must be {criterion.limit}"


FAILED_RUNS = (Column("run"), Column("stage"), Column("reason"))


def _tabulate_failures(results: Results) -> Table:
    rows = tuple((str(run.obs_id), run.stage, run.reason) for run in results.failed_runs)
    return Table("Runs that failed", FAILED_RUNS, rows)
