"""Observations of an analysis: their files, their pointings, their off regions."""

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

from foa_analyzer.observations import (
    find_usable,
    gather,
    livetime,
    observations_of,
    off_angles,
    off_positions,
    open_store,
    reason_to_exclude,
)
from foa_analyzer.request import AnalysedRun
from foa_stage.runner import BadInput

TARGET = SkyCoord(83.63, 22.01, unit="deg")
POINTING = TARGET.directional_offset_by(90 * u.deg, 0.4 * u.deg)


@pytest.mark.parametrize(
    ("separation", "radius", "wanted", "angles"),
    [
        (0.4, 0.2, 3, (90, 180, 270)),
        (0.4, 0.2, 1, (180,)),
        (0.4, 0.35, 3, (180,)),  # more would overlap
        (0.4, 0.3, 3, (120, 240)),  # a third would overlap
        (0.15, 0.2, 3, ()),
    ],
)
def test_off_regions_are_even_and_do_not_overlap(separation, radius, wanted, angles):
    assert off_angles(separation, radius, wanted) == pytest.approx(angles)


def test_off_positions_are_as_far_from_the_pointing_as_the_target():
    for position in off_positions(POINTING, TARGET, (90, 180, 270)):
        assert POINTING.separation(position).deg == pytest.approx(0.4)


def test_runs_are_gathered_in_one_directory_that_can_be_opened(make_run, tmp_path):
    runs = [make_run(1), make_run(2)]
    store = gather(runs, tmp_path / "dl3")
    assert {path.name for path in store.iterdir() if path.is_symlink()} == {
        run.dl3.path.name for run in runs
    }
    assert [int(one.obs_id) for one in open_store(store)] == [1, 2]


def test_runs_can_be_gathered_again(make_run, tmp_path):
    run = make_run(1)
    assert gather([run], tmp_path / "dl3") == gather([run], tmp_path / "dl3")
    assert len(open_store(tmp_path / "dl3")) == 1


def test_runs_without_dl3_make_no_directory(tmp_path):
    assert gather([AnalysedRun(obs_id=1)], tmp_path / "dl3") is None
    assert not (tmp_path / "dl3").exists()


def test_observations_are_those_of_the_runs_or_all_of_a_foreign_directory(make_run, tmp_path):
    runs = [make_run(1), make_run(2)]
    store = gather(runs, tmp_path / "dl3")
    assert [int(one.obs_id) for one in observations_of(runs[1:], store)] == [2]
    assert len(observations_of((), store)) == 2
    assert observations_of([AnalysedRun(obs_id=3)], store) is None
    assert observations_of(runs, None) is None


def test_a_directory_without_index_files_is_a_bad_input(tmp_path):
    with pytest.raises(BadInput, match="not a readable directory of DL3 files"):
        open_store(tmp_path)


def test_point_like_irfs_hold_at_their_offset_only(observe, target):
    assert reason_to_exclude(observe(1), target) is None
    reason = reason_to_exclude(observe(1, offset_deg=1.4), target)
    assert reason == "target 1.40° off axis, IRFs for 0.30° to 0.50°"


def test_full_enclosure_irfs_hold_at_every_offset(observe, target):
    assert reason_to_exclude(observe(1, point_like=False, offset_deg=1.4), target) is None


def test_a_run_off_the_irfs_offset_is_excluded_with_the_reason(observe, make_run_set):
    run_set = make_run_set([observe(1), observe(2, offset_deg=1.4)])
    found = find_usable(run_set, run_set.observations)
    assert [one.obs_id for one in found.data] == [1]
    assert list(found.findings.excluded) == ["2"]


def test_livetimes_are_summed(observe):
    assert livetime([observe(1), observe(2)]) == pytest.approx(2400)
    assert livetime([]) == 0
