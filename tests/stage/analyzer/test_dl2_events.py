"""Directions of events are read from DL2 files, after cuts."""

import numpy as np
import pytest

from foa_analyzer.dl2_events import read_directions
from foa_stage.event_filters import SHOWER
from foa_stage.manifests import Interval, Theta2Cuts
from foa_stage.runner import BadInput

CUTS = Theta2Cuts(
    name="test",
    min_gammaness=0.5,
    min_intensity_pe=50,
    energy_tev=Interval(low=0, high=1e3),
    max_theta2_deg2=0.04,
    n_off_regions=3,
)


@pytest.fixture(scope="module")
def observation(observe):
    return observe(1)


def test_directions_are_those_of_the_sky(observation, write_dl2, tmp_path, target):
    events, pointing = read_directions(write_dl2(observation, tmp_path / "dl2.h5").path, CUTS)
    assert events.separation(observation.events.radec).arcsec.max() < 1
    assert pointing.separation(target).deg == pytest.approx(0.4, abs=1e-4)


@pytest.mark.parametrize(
    ("column", "surviving", "removed"),
    [
        ("event_type", SHOWER, 0),
        ("gammaness", 0.6, 0.4),
        ("intensity", 60.0, 40.0),
        ("reco_energy", 1.0, 2e3),
    ],
)
def test_every_cut_removes_events(observation, write_dl2, tmp_path, column, surviving, removed):
    n_events = len(observation.events.table)
    values = np.where(np.arange(n_events) % 3 == 0, removed, surviving)
    path = write_dl2(observation, tmp_path / "dl2.h5", **{column: values}).path
    assert len(read_directions(path, CUTS)[0]) == (values == surviving).sum()


def test_a_truncated_file_is_a_bad_input(observation, write_dl2, tmp_path):
    path = write_dl2(observation, tmp_path / "dl2.h5").path
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadInput, match="not a readable DL2 file"):
        read_directions(path, CUTS)


def test_a_file_that_is_not_there_is_a_bad_input(tmp_path):
    with pytest.raises(BadInput, match="not a readable DL2 file"):
        read_directions(tmp_path / "dl2.h5", CUTS)
