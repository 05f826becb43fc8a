"""θ² distributions of whole runs."""

import astropy.units as u
import numpy as np
import pytest
import tables
from astropy.coordinates import AltAz, SkyCoord
from astropy.table import Table
from astropy.time import Time

from foa_analyzer.counting import RunCounter, bin_edges
from foa_analyzer.dl2_events import DL2_PARAMETERS, LST1, PIECE_ROWS
from foa_analyzer.request import AnalysedRun
from foa_analyzer.theta2 import Dl2Counter, count_dl2, find_in_dl2, find_in_dl3
from foa_stage.manifests import Interval


def write_files(found, directory):
    for name, write in found.files.items():
        write(directory / name)


def find_theta2(runs, run_set, counter=None):
    """Find the distributions of all sets of cuts in DL2."""
    counter = counter or Dl2Counter(run_set.target, run_set.settings)
    sums = count_dl2(counter, run_set, runs).data
    found = (find_in_dl2(place, run_set, sums) for place in range(len(sums)))
    return [theta2 for one in found for theta2 in one.findings.theta2]


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
    (of_dl2,) = find_theta2([make_run(1)], make_run_set(theta2_dl2=(cuts,)))
    (of_dl3,) = find_in_dl3(cuts, run_set, run_set.observations).findings.theta2
    assert of_dl2.level == "DL2"
    # rotating the sky moves an event across an edge at most
    assert of_dl2.counts.n_on == pytest.approx(of_dl3.counts.n_on, abs=1)
    assert of_dl2.counts.n_off == pytest.approx(of_dl3.counts.n_off, abs=1)
    assert of_dl2.effective_s == pytest.approx(of_dl3.effective_s)


def count_at_once(path, cuts, run_set):
    """Count the events of a whole table, exactly transformed."""
    with tables.open_file(path) as file:
        rows = file.get_node(DL2_PARAMETERS).read()
    middle = rows[[len(rows) // 2]]
    rows = rows[(rows["gammaness"] > cuts.min_gammaness)]
    rows = rows[(rows["reco_energy"] > cuts.energy_tev.low)]
    rows = rows[(rows["reco_energy"] < cuts.energy_tev.high)]
    pointing = to_sky(middle, "alt_tel", "az_tel")[0]
    counter = RunCounter(cuts, bin_edges(0.5), pointing, run_set.target)
    counter.add(to_sky(rows, "reco_alt", "reco_az"))
    return counter.counts


def to_sky(rows, altitude, azimuth):
    frame = AltAz(obstime=Time(rows["dragon_time"], format="unix"), location=LST1)
    return SkyCoord(alt=rows[altitude] * u.rad, az=rows[azimuth] * u.rad, frame=frame).icrs


def test_counts_are_those_of_the_whole_table_exactly_transformed(
    observe, write_dl2, make_run_set, tmp_path
):
    run_set = make_run_set()
    path = write_dl2(observe(1), tmp_path / "dl2.h5").path
    with tables.open_file(path, "a") as file:
        table = file.get_node(DL2_PARAMETERS)
        rows = np.sort(np.tile(table.read(), PIECE_ROWS // 2000), order="dragon_time")
        rows["gammaness"] = np.random.default_rng(1).random(len(rows))
        table.remove_rows(0)
        table.append(rows)
    counted = Dl2Counter(run_set.target, run_set.settings).count(path)
    assert len(rows) > PIECE_ROWS
    for cuts, counts in zip(run_set.settings.theta2_dl2, counted, strict=True):
        expected = count_at_once(path, cuts, run_set)
        assert expected.below_cut.min() > 10
        assert np.array_equal(counts.below_cut, expected.below_cut)
        assert np.array_equal(counts.histograms, expected.histograms)
        assert counts.n_regions == expected.n_regions == cuts.n_off_regions


def test_a_run_without_dl2_is_left_out(make_run, make_run_set):
    runs = [make_run(1), AnalysedRun(obs_id=2)]
    assert [one.n_runs for one in find_theta2(runs, make_run_set())] == [1, 1]


def test_a_file_is_read_once_for_all_sets_of_runs(make_run, make_run_set):
    run, run_set = make_run(1), make_run_set()
    counter = Dl2Counter(run_set.target, run_set.settings)
    first = find_theta2([run], run_set, counter)
    run.dl2.path.unlink()
    assert find_theta2([run], run_set, counter) == first


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
