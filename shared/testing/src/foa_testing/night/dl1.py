"""Writing DL1 files in lstchain's layout, with lstchain's own writers and containers."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
from ctapipe.containers import SimulationConfigContainer
from ctapipe.io import HDF5TableWriter
from ctapipe_io_lst import LSTEventSource
from lstchain.io import global_metadata, standard_config, write_metadata
from lstchain.io.io import (
    HDF5_ZSTD_FILTERS,
    add_global_metadata,
    dl1_params_lstcam_key,
    write_dataframe,
    write_mcheader,
)
from lstchain.io.lstcontainers import ThrownEventsHistogram

HILLAS = [
    "intensity",
    "log_intensity",
    "x",
    "y",
    "r",
    "phi",
    "length",
    "length_uncertainty",
    "width",
    "width_uncertainty",
    "psi",
    "skewness",
    "kurtosis",
]
DISP = ["disp_norm", "disp_dx", "disp_dy", "disp_angle", "disp_sign", "src_x", "src_y"]
TIMING_TO_POINTING = [
    "time_gradient",
    "intercept",
    "leakage_intensity_width_1",
    "leakage_intensity_width_2",
    "leakage_pixels_width_1",
    "leakage_pixels_width_2",
    "n_pixels",
    "concentration_cog",
    "concentration_core",
    "concentration_pixel",
    "n_islands",
    "alt_tel",
    "az_tel",
    "sin_az_tel",
    "obs_id",
    "event_id",
    "calibration_id",
]
CLOCKS = ["dragon_time", "ucts_time", "tib_time", "ucts_jump", "mc_type"]
TRUTH = [
    "mc_energy",
    "log_mc_energy",
    "mc_alt",
    "mc_az",
    "mc_core_x",
    "mc_core_y",
    "mc_h_first_int",
    "mc_type",
    "mc_az_tel",
    "mc_alt_tel",
    "mc_x_max",
    "mc_core_distance",
]
TELESCOPE = ["wl", "tel_id", "tel_pos_x", "tel_pos_y", "tel_pos_z", "trigger_type"]
TRIGGER = ["trigger_time", "event_type"]
OBSERVED_TRIGGER = ["ucts_trigger_type", *TRIGGER]
OBSERVED_COLUMNS = [*HILLAS, *TIMING_TO_POINTING, *CLOCKS, *TELESCOPE, *OBSERVED_TRIGGER]
SIMULATED_COLUMNS = [*HILLAS, *DISP, *TIMING_TO_POINTING, *TRUTH, *TELESCOPE, *TRIGGER]
"""Columns of a DL1 parameters table, in lstchain's order."""

CORSIKA: dict[str, object] = {
    "corsika_version": 7741,
    "simtel_version": 1593356843,
    "prod_site_B_total": 38.7305 * u.uT,
    "prod_site_B_declination": (-4.84 * u.deg).to(u.rad),
    "prod_site_B_inclination": (37.36 * u.deg).to(u.rad),
    "prod_site_alt": 2147.0 * u.m,
    "shower_prog_start": 0,
    "shower_prog_id": 1,
    "detector_prog_start": 0,
    "detector_prog_id": 1,
    "shower_reuse": 1,
    "diffuse": True,
    "min_scatter_range": 0 * u.m,
    "core_pos_mode": 1,
    "atmosphere": 61,
    "corsika_iact_options": 0,
    "corsika_low_E_model": 0,
    "corsika_high_E_model": 0,
    "corsika_bunchsize": 5.0,
    "corsika_wlen_min": 240 * u.nm,
    "corsika_wlen_max": 700 * u.nm,
    "corsika_low_E_detail": 0,
    "corsika_high_E_detail": 0,
}
"""Settings that all files share; field of the site and versions are the AllSky productions'."""
THROWN_EVENTS_ID = 6
"""Number of the histogram of thrown events in simtel files."""


@cache
def _subarray() -> Any:
    return LSTEventSource.create_subarray()


def write_dl1(path: Path, events: pd.DataFrame, columns: list[str]) -> Any:
    """Write a DL1 file with these columns of `events`, and return its metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    metadata = global_metadata()
    write_metadata(metadata, str(path))
    config = json.dumps(standard_config, default=str)
    write_dataframe(events[columns], str(path), dl1_params_lstcam_key, config=config, meta=metadata)
    _subarray().to_hdf(str(path))
    return metadata


@dataclass(frozen=True)
class SimulationSetup:
    """Parameters that the showers of one MC file are thrown with."""

    obs_id: int
    zenith_deg: float
    azimuth_deg: float
    energies_tev: tuple[float, float]
    radius_m: float
    view_cone_deg: tuple[float, float]
    spectral_index: float = -2.0

    @property
    def cos_zenith(self) -> float:
        """Return the cosine of the pointing's zenith angle."""
        return float(np.cos(np.radians(self.zenith_deg)))


def write_simulation_tables(
    path: Path, setup: SimulationSetup, n_showers: int, metadata: Any
) -> None:
    """Add the tables that lstchain_mc_r0_to_dl1 writes about the simulation.

    They are `simulation/run_config` and `simulation/thrown_event_distribution`.

    Parameters
    ----------
    n_showers
        Number of showers thrown, whether they triggered or not.
    metadata
        Of the file, as `write_dl1` returns it.
    """
    config = _run_config(setup, n_showers)
    write_mcheader(config, str(path), obs_id=setup.obs_id, metadata=metadata)
    thrown = _thrown_events(setup, n_showers)
    add_global_metadata(thrown, metadata)
    appending = {"group_name": "simulation", "mode": "a", "filters": HDF5_ZSTD_FILTERS}
    with HDF5TableWriter(str(path), **appending) as writer:
        writer.write("thrown_event_distribution", [thrown])


def _run_config(setup: SimulationSetup, n_showers: int) -> SimulationConfigContainer:
    """Return CORSIKA's settings."""
    config = SimulationConfigContainer(
        run_number=setup.obs_id,
        energy_range_min=setup.energies_tev[0] * u.TeV,
        energy_range_max=setup.energies_tev[1] * u.TeV,
        spectral_index=setup.spectral_index,
        n_showers=n_showers,
        max_scatter_range=setup.radius_m * u.m,
        **_directions(setup),
        **CORSIKA,
    )
    config.prefix = ""
    return config


def _directions(setup: SimulationSetup) -> dict[str, u.Quantity]:
    """Return the pointing and the cone around it."""
    altitude = ((90 - setup.zenith_deg) * u.deg).to(u.rad)
    azimuth = (setup.azimuth_deg * u.deg).to(u.rad)
    inner, outer = setup.view_cone_deg
    cone = {"min_viewcone_radius": inner * u.deg, "max_viewcone_radius": outer * u.deg}
    altitudes = {"min_alt": altitude, "max_alt": altitude}
    return altitudes | {"min_az": azimuth, "max_az": azimuth} | cone


def _thrown_events(setup: SimulationSetup, n_showers: int) -> ThrownEventsHistogram:
    """Return the expected numbers per bin of energy and core distance.

    The spectrum is a power law; the cores are uniform in area.
    """
    energy = np.geomspace(*setup.energies_tev, 41)
    distance = np.linspace(0, setup.radius_m, 41)
    power = energy ** (setup.spectral_index + 1)
    per_energy = np.diff(power) / (power[-1] - power[0])
    per_distance = np.diff(distance**2) / setup.radius_m**2
    return ThrownEventsHistogram(
        obs_id=setup.obs_id,
        hist_id=THROWN_EVENTS_ID,
        num_entries=n_showers,
        bins_energy=energy,
        bins_core_dist=distance,
        histogram=n_showers * np.outer(per_energy, per_distance),
    )
