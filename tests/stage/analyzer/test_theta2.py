"""θ² distributions of whole runs."""

import pytest
from astropy.table import Table

from foa_analyzer.request import AnalysedRun
from foa_analyzer.theta2 import find_in_dl2, find_in_dl3
from foa_stage.manifests import Interval


def write_files(found, directory):
    for name, write in found.files.items():
        write(directory / name)


def test_dl3_shows_the_source(observe, make_run_set):
    run_set = make_run_set([observe(1), observe(2)])
    found = find_in_dl3(run_set.settings.theta2_dl3, run_set, run_set.observations)
    (theta2,) = found.findings.theta2
    assert (theta2.level, theta2.name, theta2.n_runs) == ("DL3", "standard", 2)
    assert theta2.effective_s == pytest.approx(2400)
    assert theta2.counts.excess == pytest.approx(300, abs=50)
    assert theta2.counts.significance > 15


def test_dl2_counts_what_dl3_counts(make_run, observe, make_run_set):
    run_set = make_run_set([observe(1)])
    cuts = run_set.settings.theta2_dl3
    (of_dl2,) = find_in_dl2(cuts, run_set, [make_run(1)]).findings.theta2
    (of_dl3,) = find_in_dl3(cuts, run_set, run_set.observations).findings.theta2
    assert of_dl2.level == "DL2"
    # rotating the sky moves an event across an edge at most
    assert of_dl2.counts.n_on == pytest.approx(of_dl3.counts.n_on, abs=1)
    assert of_dl2.counts.n_off == pytest.approx(of_dl3.counts.n_off, abs=1)
    assert of_dl2.effective_s == pytest.approx(of_dl3.effective_s)


def test_a_run_without_dl2_is_left_out(make_run, make_run_set):
    run_set = make_run_set()
    runs = [make_run(1), AnalysedRun(obs_id=2)]
    (theta2,) = find_in_dl2(run_set.settings.theta2_dl3, run_set, runs).findings.theta2
    assert theta2.n_runs == 1


def test_energies_outside_the_cuts_are_left_out(observe, make_run_set):
    run_set = make_run_set([observe(1)])
    cuts = run_set.settings.theta2_dl3
    none = cuts.model_copy(update={"energy_tev": Interval(low=60, high=70)})
    (theta2,) = find_in_dl3(none, run_set, run_set.observations).findings.theta2
    assert sum(theta2.on) == sum(theta2.off) == 0
    assert theta2.counts.significance is None


def test_histograms_are_written_as_table_and_figure(observe, make_run_set, tmp_path):
    run_set = make_run_set([observe(1)])
    found = find_in_dl3(run_set.settings.theta2_dl3, run_set, run_set.observations)
    write_files(found, tmp_path)
    (theta2,) = found.findings.theta2
    table = Table.read(tmp_path / "theta2-dl3-standard.ecsv")
    assert tuple(table["on"]) == theta2.on
    assert tuple(table["high"]) == theta2.edges[1:]
    assert table.meta["cut_deg2"] == theta2.cut
    assert table.meta["significance"] == theta2.counts.significance
    assert (tmp_path / "theta2-dl3-standard.png").stat().st_size > 1000
