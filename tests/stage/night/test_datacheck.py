"""Datacheck files show the rates that the selector's criteria are about."""

from dataclasses import replace

import numpy as np
import pytest
import tables
from lstchain.datachecks.containers import DL1DataCheckHistogramBins

from foa_testing.night.datacheck import intensity_rates, write_run_wise
from foa_testing.night.definition import RUNS, Defect

EDGES = DL1DataCheckHistogramBins().hist_intensity


def density_at_422_pe(cos_zenith=1.0, light_yield=1.0):
    edges = np.geomspace(50, 1e5, 400)
    rates = intensity_rates(edges, cos_zenith, light_yield)
    return np.interp(422, np.sqrt(edges[1:] * edges[:-1]), rates / np.diff(edges))


@pytest.fixture
def write(layout):
    """Write the datacheck file of a run of 20 s; its tables by kind of event."""

    def make(**changes):
        run = replace(RUNS[2], duration=20.0, **changes)
        write_run_wise(layout, run, seed=1)
        with tables.open_file(layout.run_wise_datacheck(run)) as file:
            return {node.name: node.read() for node in file.root.dl1datacheck}

    return make


def test_the_rate_at_zenith_is_that_of_lstchain():
    assert density_at_422_pe() == pytest.approx(1.74, rel=0.01)


def test_the_spectrum_falls_with_the_index_of_lstchain():
    edges = np.geomspace(300, 3000, 200)
    centres = np.sqrt(edges[1:] * edges[:-1])
    density = intensity_rates(edges, 1.0, 1.0) / np.diff(edges)
    index, _ = np.polyfit(np.log(centres), np.log(density), 1)
    assert index == pytest.approx(-2.24, abs=0.03)


def test_less_light_lowers_the_rate_by_the_power_of_the_spectrum():
    assert density_at_422_pe(light_yield=0.6) == pytest.approx(1.74 * 0.6**1.24, rel=0.01)


def test_the_rate_falls_with_the_zenith_angle():
    assert density_at_422_pe(cos_zenith=0.7) < 0.9 * density_at_422_pe()


def test_every_kind_of_event_has_a_row_per_subrun(write):
    content = write()
    for kind in ("pedestals", "flatfield", "cosmics"):
        assert content[kind]["subrun_index"].tolist() == [0, 1]
    assert content["pedestals"]["num_events"].tolist() == [1000, 1000]
    assert content["flatfield"]["num_events"].tolist() == [500, 500]


def test_cosmics_follow_the_rates(write):
    intensities = write()["cosmics"]["hist_intensity"].sum(axis=0)
    expected = 20 * intensity_rates(EDGES, 0.914, 1.0)
    assert intensities.sum() == pytest.approx(expected.sum(), rel=0.02)


def test_a_run_without_interleaved_events_has_cosmics_only(write):
    content = write(defect=Defect.NO_INTERLEAVED)
    assert "cosmics" in content
    assert not {"pedestals", "flatfield"} & content.keys()


def test_pixels_see_the_noise_in_pedestals_and_the_light_in_flatfields(write):
    content = write()
    assert content["pedestals"]["charge_stddev"].mean() == pytest.approx(1.55, abs=0.01)
    assert content["flatfield"]["charge_mean"].mean() == pytest.approx(75, abs=0.2)
