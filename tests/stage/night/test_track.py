"""Tracks: the telescope points at the wobble offset from the source, unless a defect moves it."""

import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord

from foa_stage.manifests import Selection
from foa_testing.night.definition import RUNS, WOBBLE_OFFSET_DEG, Defect
from foa_testing.night.images import METRES_PER_DEGREE
from foa_testing.night.track import DRIFT_DEG, follow


@pytest.fixture(scope="module")
def tracks():
    return {run: follow(run) for run in RUNS}


def test_a_track_covers_its_run(tracks):
    for run, track in tracks.items():
        assert track.time[0] == 0
        assert track.time[-1] >= run.duration


def test_the_pointing_is_at_the_wobble_offset(tracks):
    for run, track in tracks.items():
        pointing = SkyCoord(track.ra, track.dec, unit="deg")
        source = SkyCoord(run.source.ra, run.source.dec, unit="deg")
        drift = DRIFT_DEG if run.defect is Defect.UNSTABLE_POINTING else 1e-6
        assert pointing.separation(source).deg == pytest.approx(WOBBLE_OFFSET_DEG, abs=drift)


def test_the_camera_sees_the_source_at_the_wobble_offset(tracks):
    for run, track in tracks.items():
        offset = np.hypot(track.source_x, track.source_y) / METRES_PER_DEGREE
        drift = DRIFT_DEG if run.defect is Defect.UNSTABLE_POINTING else 2e-3
        assert offset == pytest.approx(WOBBLE_OFFSET_DEG, abs=drift)


def test_only_an_unstable_pointing_drifts(tracks):
    limit = Selection().max_pointing_spread_deg
    unstable = {run.defect for run, track in tracks.items() if np.std(track.dec) > limit}
    assert unstable == {Defect.UNSTABLE_POINTING}


def test_of_graded_runs_one_is_outside_the_zenith_range_of_the_request(tracks, repository):
    request = yaml.safe_load((repository / "deploy/requests/crab.yaml").read_text())
    low, high = request["zenith"]
    zeniths = {run: np.degrees(np.arccos(track.cos_zenith)) for run, track in tracks.items()}
    outside = [run.defect for run, zenith in zeniths.items() if not low <= zenith <= high]
    assert set(outside) - {Defect.TRUNCATED} == {Defect.ZENITH}


def test_azimuth_does_not_jump(tracks):
    for track in tracks.values():
        assert np.abs(np.diff(track.azimuth)).max() < np.radians(0.1)


def test_east_and_west_pointings_have_the_source_between_them(tracks):
    east, west = tracks[RUNS[2]], tracks[RUNS[3]]
    assert west.ra.mean() < RUNS[2].source.ra < east.ra.mean()
