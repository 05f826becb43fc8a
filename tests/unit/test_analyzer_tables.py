"""Tables of the results, as reports and the terminal show them."""

import json

import pytest

from foa_analyzer.request import AnalysedRun, FailedRun
from foa_analyzer.results import (
    Counts,
    Findings,
    Model,
    Parameter,
    Results,
    SkyMap,
    Spectrum,
    Theta2,
    UpperLimit,
)
from foa_analyzer.service import SERVICE
from foa_analyzer.tables import Column, read_results, show, spell, tables_of
from foa_stage.manifests import Criterion, Grade, Target

COUNTS = Counts(n_on=140, n_off=300, acceptance_ratio=1 / 3, excess=40.0, significance=3.14)
THETA2 = Theta2(
    name="standard",
    level="DL3",
    energy_min=0.1,
    energy_max=1e3,
    cut=0.04,
    n_runs=1,
    effective_s=1200,
    counts=COUNTS,
    edges=(0, 1),
    on=(140,),
    off=(300,),
)
SKY_MAP = SkyMap(
    background="IRF background",
    energy_min=0.1,
    significance=None,
    peak_significance=None,
    peak_ra=83.6,
    peak_dec=22.0,
    off_mean=0,
    off_width=1,
    n_counts=440,
)
POWER_LAW = Model(
    name="power-law",
    converged=True,
    reference=1.0,
    parameters={
        "index": Parameter(value=2.5, error=None, unit=""),
        "amplitude": Parameter(value=3e-11, error=2e-12, unit="1 / (TeV s cm2)"),
    },
    fit_statistic=7,
)
SPECTRUM = Spectrum(
    counts=COUNTS,
    livetime_s=1200,
    n_runs=1,
    detected=True,
    models=(POWER_LAW,),
    preferred="power-law",
    flux_points=(),
    upper_limit=UpperLimit(energy_min=0.1, energy_max=40, index=2.5, flux=1.23e-11),
)
FAILING = Criterion(name="cosmics_rate", passed=False, value=0.907, limit="above 1.5")
HOLDING = Criterion(name="zenith", passed=True, value=20, limit="below 35")
RUN = AnalysedRun(
    obs_id=1, grade=Grade.BAD, criteria=(HOLDING, FAILING), models="p/line", irf_choice="nearest"
)
FAILED = FailedRun(obs_id=2, stage="selector", reason="truncated")


def make_results(runs=(RUN,), failed_runs=(FAILED,), **findings):
    found = Findings(obs_ids=(1,), livetime_s=1200, **findings)
    return Results(
        title="t",
        phase="final",
        target=Target(name="Crab", ra=83.6, dec=22.0),
        profile="p 1",
        versions={},
        runs=runs,
        failed_runs=failed_runs,
        findings={"all": found, "good": found},
    )


def first_table(**findings):
    return tables_of(make_results(**findings))[0]


def test_there_is_a_table_of_each_set_of_runs_of_the_runs_and_of_those_that_failed():
    titles = [table.title for table in tables_of(make_results())]
    assert titles == ["All runs", "Good runs", "Runs", "Runs that failed"]


def test_a_foreign_directory_has_no_table_of_runs():
    titles = [table.title for table in tables_of(make_results(runs=(), failed_runs=()))]
    assert titles == ["All runs", "Good runs"]


def test_every_row_has_a_cell_for_every_column():
    findings = {"theta2": (THETA2,), "spectrum": SPECTRUM, "sky_map": SKY_MAP}
    for table in tables_of(make_results(**findings)):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_significances_are_rows():
    table = first_table(theta2=(THETA2,), spectrum=SPECTRUM, sky_map=SKY_MAP)
    assert table.columns[-1] == "significance (σ)"
    assert table.rows == (
        ("θ² DL3 standard, θ² < 0.04 deg²", "140", "300", "0.333", "40.0", "3.1"),
        ("spectrum (energy-dependent cuts)", "140", "300", "0.333", "40.0", "3.1"),
        ("sky map at the target (IRF background)", "", "", "", "", "–"),
    )


def test_models_and_limits_are_notes():
    amplitude = "amplitude = 3e-11 ± 2e-12 1 / (TeV s cm2)"
    assert first_table(spectrum=SPECTRUM).notes == (
        "1 runs, livetime 20.0 min.",
        f"power-law (preferred) at 1.0 TeV: index = 2.5 ± –, {amplitude}",
        "No detection: flux between 0.1 and 40 TeV below 1.23e-11 cm⁻² s⁻¹ (95 %, index 2.5).",
    )


def test_what_is_missing_is_noted_with_the_reason():
    table = first_table(unavailable={"DL3": "no data"}, excluded={"7": "off axis"})
    assert table.notes[1:] == (
        "DL3: not available: no data",
        "Run 7 not in spectrum and light curves: off axis",
    )


def test_figures_lie_in_the_directory_of_their_set_of_runs():
    all_runs, good, runs, _ = tables_of(make_results(figures=("maps.png",)))
    assert (all_runs.figures, good.figures) == (("all/maps.png",), ("good/maps.png",))
    assert runs.figures == ("quality.png",)


def test_a_run_is_shown_with_the_criteria_it_fails():
    _, _, runs, _ = tables_of(make_results())
    fails = "cosmics_rate: 0.907, must be above 1.5"
    assert runs.rows == (("1", "", "–", "bad", fails, "p/line", "nearest"),)


def test_a_run_that_failed_is_shown_with_the_reason():
    *_, failed = tables_of(make_results())
    assert failed.rows == (("2", "selector", "truncated"),)


def test_numbers_are_aligned_and_grades_coloured():
    _, _, runs, _ = tables_of(make_results())
    layout = {column.heading: column for column in runs.layout}
    assert layout["zenith (°)"].align == "right"
    assert layout["grade"].colour_of("bad") == "red"
    assert layout["grade"].colour_of("unheard of") == ""


@pytest.mark.parametrize(
    ("value", "pattern", "spelled"), [(None, "{:.2f}", "–"), (1.005e-11, "{:.1e}", "1.0e-11")]
)
def test_a_number_is_spelled_and_a_missing_one_is_a_dash(value, pattern, spelled):
    assert spell(value, pattern) == spelled


def test_a_column_without_unit_is_headed_by_its_name():
    assert Column("run").heading == "run"


def test_results_are_read_as_they_were_written():
    results = make_results(theta2=(THETA2,), spectrum=SPECTRUM, sky_map=SKY_MAP)
    assert results.schema_version == 2
    assert read_results(results.model_dump_json().encode()) == results


def test_results_of_schema_version_1_are_shown_alike():
    results = make_results(theta2=(THETA2,))
    document = json.loads(results.model_dump_json())
    document["schema_version"] = 1
    document["lost"] = document.pop("failed_runs")
    assert read_results(json.dumps(document).encode()).failed_runs == results.failed_runs
    assert show(json.dumps(document).encode()) == tables_of(results)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema_version": 3}', b"\xff"])
def test_what_are_no_results_is_an_error(content):
    with pytest.raises(ValueError, match="Results"):
        read_results(content)


def test_the_service_declares_its_tables():
    content = make_results().model_dump_json().encode()
    assert SERVICE.tables(content) == show(content)
