"""Finding files of the archive."""

from datetime import date

import pytest

from foa_stage.archive import find_files, find_newest, fingerprint, nights_between
from foa_testing.fakes.factories import make_archive


@pytest.fixture
def archive(tmp_path):
    return make_archive(tmp_path)


def dl1(root, version, obs_id=1):
    path = root / f"DL1/20241205/{version}/tailcut84/dl1_LST-1.Run{obs_id:05d}.h5"
    path.parent.mkdir(parents=True)
    path.write_text(version)
    return path


def test_the_newest_version_is_the_highest_not_the_last_in_the_alphabet(archive, tmp_path):
    older, newer = dl1(tmp_path, "v0.9"), dl1(tmp_path, "v0.10")
    assert find_newest(archive.dl1, night="20241205", obs_id=1) == newer
    assert find_files(archive.dl1, night="20241205", obs_id=1) == [older, newer]


def test_what_is_not_there_is_none(archive):
    assert find_newest(archive.dl1, night="20241205", obs_id=1) is None


def test_a_placeholder_without_value_matches_anything(archive, tmp_path):
    path = dl1(tmp_path, "v0.10", obs_id=7)
    assert find_files(archive.dl1) == [path]


def test_a_new_or_changed_file_changes_the_fingerprint(archive, tmp_path):
    night = date(2024, 12, 5)
    empty = fingerprint(archive, night, night)
    path = dl1(tmp_path, "v0.10")
    one = fingerprint(archive, night, night)
    path.write_text("mended")
    assert len({empty, one, fingerprint(archive, night, night)}) == 3


def log(root, obs_id):
    path = root / f"log_find_tailcuts_Run{obs_id:05d}.log"
    path.write_text("log")
    return path


def test_logs_of_other_runs_leave_the_fingerprint_as_it_is(archive, tmp_path):
    night = date(2024, 12, 5)
    dl1(tmp_path, "v0.10", obs_id=7)
    before = fingerprint(archive, night, night)
    log(tmp_path, 8)
    assert fingerprint(archive, night, night) == before
    log(tmp_path, 7)
    assert fingerprint(archive, night, night) != before
    of_others = fingerprint(archive, night, night, obs_ids=(6,))
    log(tmp_path, 6)
    assert fingerprint(archive, night, night, obs_ids=(6,)) != of_others


def test_new_test_mc_changes_the_fingerprint(archive, tmp_path):
    night = date(2024, 12, 5)
    node = tmp_path / "mc/20240918_v0.10.12_allsky_nsb/dec_2276/node_a"
    node.mkdir(parents=True)
    before = fingerprint(archive, night, night)
    (node / "dl2_a.h5").write_text("events")
    assert fingerprint(archive, night, night) != before


def test_both_ends_of_a_range_of_nights_belong_to_it():
    assert len(list(nights_between(date(2024, 12, 5), date(2024, 12, 7)))) == 3
