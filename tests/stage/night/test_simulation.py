"""Simulated files have the layout of the productions and the kinematics they claim."""

import numpy as np
import pandas as pd
import pytest
import tables
from astropy.coordinates import SkyCoord
from lstchain.io import read_simu_info_merged_hdf5
from lstchain.io.io import dl1_params_lstcam_key

from foa_testing.night.definition import DeclinationLine, Layout, Node
from foa_testing.night.dl1 import SIMULATED_COLUMNS, SimulationSetup
from foa_testing.night.showers import FOCAL_LENGTH_M, GAMMA, PROTON
from foa_testing.night.simulation import TRAINING, simulate_training

LINE = DeclinationLine("dec_0000", (Node(20.0, 180.0), Node(30.0, 90.0)), ())
N_EVENTS = {GAMMA: 60, PROTON: 40}


def offset_deg(events):
    """The angle between arrival direction and pointing, from the camera position."""
    return np.degrees(np.arctan(np.hypot(events.src_x, events.src_y) / FOCAL_LENGTH_M))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Training files of two nodes, by particle."""
    layout = Layout(tmp_path_factory.mktemp("night"))
    simulate_training(layout, LINE, seed=1, n_events=N_EVENTS)
    return {particle: layout.training(LINE, name) for name, particle, *_ in TRAINING}


@pytest.fixture(scope="module")
def events(files):
    return {
        particle: pd.read_hdf(path, key=dl1_params_lstcam_key) for particle, path in files.items()
    }


@pytest.mark.parametrize("particle", N_EVENTS, ids=lambda particle: particle.name)
def test_every_node_has_the_events_asked_for(events, particle):
    table = events[particle]
    assert list(table.columns) == SIMULATED_COLUMNS
    assert (table.groupby("obs_id").size() >= N_EVENTS[particle]).all()
    assert set(table.obs_id) == {100, 101}
    assert set(table.mc_type) == {particle.mc_type}


@pytest.mark.parametrize(("name", "particle", "energies", "radius", "cone"), TRAINING)
def test_primaries_are_inside_the_simulated_ranges(events, name, particle, energies, radius, cone):
    table = events[particle]
    assert table.mc_energy.between(*energies).all()
    assert table.mc_core_distance.between(0, radius).all()
    assert offset_deg(table).between(*cone).all()
    assert np.allclose(np.hypot(table.mc_core_x, table.mc_core_y), table.mc_core_distance)


def test_pointings_are_those_of_the_nodes(events):
    for k, node in enumerate(LINE.training):
        of_node = events[GAMMA][events[GAMMA].obs_id == 100 + k]
        assert np.degrees(of_node.alt_tel.unique()) == pytest.approx([90 - node.zenith])
        assert np.degrees(of_node.az_tel.unique()) == pytest.approx([node.azimuth])


def test_the_arrival_direction_is_as_far_from_the_pointing_as_the_source_from_the_centre(events):
    table = events[GAMMA]
    pointing = SkyCoord(table.mc_az_tel, table.mc_alt_tel, unit="rad")
    arrival = SkyCoord(table.mc_az, table.mc_alt, unit="rad")
    assert np.allclose(arrival.separation(pointing).deg, offset_deg(table), rtol=1e-3)


def test_disp_leads_from_the_image_to_the_source(events):
    table = events[GAMMA]
    assert np.allclose(table.x + table.disp_dx, table.src_x)
    assert np.allclose(table.y + table.disp_dy, table.src_y)


def test_the_header_tells_how_many_showers_were_thrown(files):
    info = read_simu_info_merged_hdf5(files[GAMMA])
    assert info.n_showers > 100_000
    assert info.energy_range_max.to_value("TeV") == 50
    assert info.max_viewcone_radius.to_value("deg") == 3
    with tables.open_file(files[GAMMA]) as file:
        thrown = file.root.simulation.thrown_event_distribution.col("histogram")
    assert thrown.sum() == pytest.approx(float(info.n_showers))


def test_a_setup_knows_its_zenith():
    setup = SimulationSetup(1, 60.0, 0.0, (0.1, 1.0), 100.0, (0.0, 1.0))
    assert setup.cos_zenith == pytest.approx(0.5)
