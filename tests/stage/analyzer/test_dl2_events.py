"""Directions of events are read from DL2 files, after cuts, in pieces."""

import subprocess
import sys

import astropy.units as u
import numpy as np
import pytest
import tables
from astropy.coordinates import AltAz, SkyCoord
from astropy.table import Table
from astropy.time import Time

from foa_analyzer.dl2_events import (
    DL2_PARAMETERS,
    LST1,
    PIECE_ROWS,
    read_directions,
    read_pointing,
)
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
EVERYTHING = CUTS.model_copy(update={"min_gammaness": -1.0, "min_intensity_pe": -1.0})
COUNTING = """
import resource, sys
from pathlib import Path
from astropy.coordinates import SkyCoord
from foa_analyzer.theta2 import Dl2Counter
from foa_stage.manifests import Analysis
counter = Dl2Counter(SkyCoord(83.63, 22.01, unit="deg"), Analysis())
for path in map(Path, sys.argv[1:]):
    counter.count(path)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
"""Count the events of files one after the other; tell the peak memory in MiB after each."""


@pytest.fixture(scope="module")
def observation(observe):
    return observe(1)


@pytest.fixture
def write_rows(tmp_path):
    """Write showers that stay in the centre of the camera, with gammaness from 0 to 1."""

    def write(name, n_rows):
        times = 1.7334e9 + np.linspace(0, 1200, n_rows)
        rows = np.rec.fromarrays(
            [np.full(n_rows, SHOWER), np.linspace(0, 1, n_rows), times]
            + [np.full(n_rows, value) for value in (100.0, 1.0, 1.2, 3.0, 1.2, 3.0)],
            names="event_type,gammaness,dragon_time,intensity,reco_energy,reco_alt,reco_az,"
            "alt_tel,az_tel",
        )
        group, table = DL2_PARAMETERS.rsplit("/", 1)
        with tables.open_file(tmp_path / name, "w") as file:
            file.create_table(group, table, rows, createparents=True)
        return tmp_path / name

    return write


def read_all(path, cuts):
    """Read the directions of all pieces."""
    pieces = [events for (events,) in read_directions(path, (cuts,))]
    ra, dec = (np.hstack([getattr(one, name).deg for one in pieces]) for name in ("ra", "dec"))
    return SkyCoord(ra, dec, unit="deg")


def test_directions_are_those_of_the_sky(observation, write_dl2, tmp_path, target):
    path = write_dl2(observation, tmp_path / "dl2.h5").path
    events = read_all(path, CUTS)
    assert events.separation(observation.events.radec).arcsec.max() < 1
    assert read_pointing(path).separation(target).deg == pytest.approx(0.4, abs=1e-4)


def test_the_earths_interpolated_orientation_shifts_no_direction(observation, write_dl2, tmp_path):
    path = write_dl2(observation, tmp_path / "dl2.h5").path
    with tables.open_file(path) as file:
        rows = file.get_node(DL2_PARAMETERS).read()
    frame = AltAz(obstime=Time(rows["dragon_time"], format="unix"), location=LST1)
    exact = SkyCoord(alt=rows["reco_alt"] * u.rad, az=rows["reco_az"] * u.rad, frame=frame).icrs
    events = read_all(path, EVERYTHING)
    assert np.ptp(rows["dragon_time"]) > 1000
    assert events.separation(exact).arcsec.max() < 1e-5


def test_the_pointing_is_that_of_the_middle_of_the_run(observation, write_dl2, tmp_path):
    n_events = len(observation.events.table)
    azimuth = np.linspace(1, 2, n_events)
    changed = {"az_tel": azimuth, "alt_tel": np.full(n_events, 1.0)}
    path = write_dl2(observation, tmp_path / "dl2.h5", **changed).path
    frame = AltAz(obstime=observation.events.time[n_events // 2], location=LST1)
    middle = SkyCoord(alt=1 * u.rad, az=azimuth[n_events // 2] * u.rad, frame=frame)
    assert read_pointing(path).separation(middle.icrs).arcsec < 1


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
    assert len(read_all(path, CUTS)) == (values == surviving).sum()


def test_every_set_of_cuts_has_the_events_of_all_pieces(write_rows):
    half, tenth = CUTS, CUTS.model_copy(update={"min_gammaness": 0.9})
    n_rows = 2 * PIECE_ROWS + PIECE_ROWS // 2
    path = write_rows("dl2.h5", n_rows)
    pieces = [[len(one) for one in piece] for piece in read_directions(path, (half, tenth))]
    assert np.sum(pieces, axis=0) == pytest.approx([n_rows / 2, n_rows / 10], abs=1)
    assert len(pieces) == 2  # nothing survives in the first


def test_memory_does_not_grow_with_the_number_of_events(write_rows):
    paths = [write_rows("few.h5", PIECE_ROWS), write_rows("many.h5", 25 * PIECE_ROWS)]
    told = subprocess.run(
        [sys.executable, "-c", COUNTING, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    few, many = map(int, told.stdout.split())
    size_mib = paths[1].stat().st_size / 2**20
    assert size_mib > 150
    assert many - few < size_mib / 5


def test_a_truncated_file_is_a_bad_input(observation, write_dl2, tmp_path):
    path = write_dl2(observation, tmp_path / "dl2.h5").path
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadInput, match=r"dl2\.h5: not a readable DL2 file"):
        read_all(path, CUTS)


def test_a_file_that_is_not_there_is_a_bad_input(tmp_path):
    with pytest.raises(BadInput, match=r"dl2\.h5: not a readable DL2 file"):
        read_pointing(tmp_path / "dl2.h5")


def test_a_file_without_gammaness_is_a_bad_input(observation, write_dl2, tmp_path):
    path = write_dl2(observation, tmp_path / "dl2.h5").path
    group, name = DL2_PARAMETERS.rsplit("/", 1)
    with tables.open_file(path, "a") as file:
        rows = Table(file.get_node(DL2_PARAMETERS).read())
        file.remove_node(DL2_PARAMETERS)
        file.create_table(group, name, rows[["event_type", "reco_alt"]].as_array())
    with pytest.raises(BadInput, match="not a readable DL2 file"):
        read_all(path, CUTS)


def test_a_file_without_showers_is_a_bad_input(observation, write_dl2, tmp_path):
    none = np.zeros(len(observation.events.table))
    path = write_dl2(observation, tmp_path / "dl2.h5", event_type=none).path
    with pytest.raises(BadInput, match="no showers"):
        read_pointing(path)
