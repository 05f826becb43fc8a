"""Training and test MC of the synthetic night, and the Random Forests made from it."""

import json
from collections.abc import Mapping
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.table import Table
from lstchain.io import standard_config
from lstchain.reco.disp import disp
from lstchain.reco.utils import camera_to_altaz

from foa.testing.night.definition import DeclinationLine, Layout, Node
from foa.testing.night.dl1 import SIMULATED_COLUMNS, SimulationSetup, write_dl1, write_simulation_tables
from foa.testing.night.images import Columns, draw_images
from foa.testing.night.processes import run_tool
from foa.testing.night.sampling import Thrower, join, throw_in_ring
from foa.testing.night.showers import FOCAL_LENGTH_M, GAMMA, PROTON, Particle, Showers

N_TRAINING = {GAMMA: 4000, PROTON: 4000}
"""Events per node: forests good enough for a 10 σ Crab in ten minutes."""
N_TESTING = 15000
"""Gammas per test node: more than the 100 per energy bin that lstchain's energy-dependent cuts ask for."""
N_TREES = 30
DEPTH = 15
TELESCOPE_POSITION_M = (-6.336, 60.405, 12.5)
SHOWERS_PER_CHUNK = {GAMMA: 200_000, PROTON: 10_000_000}
TRAINING = (
    ("GammaDiffuse", GAMMA, (0.01, 50.0), 700.0, (0.0, 3.0)),
    ("Protons", PROTON, (0.03, 100.0), 1000.0, (0.0, 8.0)),
)
"""Energies (TeV), impact radius (m) and view cone (deg) of the training MC."""
TESTING = ((0.01, 50.0), 700.0, (0.39, 0.41))
"""The same for test gammas: a ring around the pointing at the wobble offset."""


def simulate_training(
    layout: Layout, line: DeclinationLine, seed: int, n_events: Mapping[Particle, int] = N_TRAINING
) -> None:
    """Write the merged training files of a declination line; `n_events` per node."""
    for name, particle, energies, radius, cone in TRAINING:
        rng = np.random.default_rng([seed, particle.mc_type, *line.name.encode()])
        setups = [
            SimulationSetup(100 + k, node.zenith, node.azimuth, energies, radius, cone)
            for k, node in enumerate(line.training)
        ]
        _write(layout.training(line, name), rng, setups, particle, n_events[particle])


def simulate_testing(layout: Layout, node: Node, seed: int) -> None:
    """Write the test gammas of a node."""
    energies, radius, cone = TESTING
    rng = np.random.default_rng([seed, *node.name.encode()])
    setup = SimulationSetup(200, node.zenith, node.azimuth, energies, radius, cone)
    _write(layout.testing_dl1(node), rng, [setup], GAMMA, N_TESTING)


def train(layout: Layout, line: DeclinationLine, seed: int, n_trees: int | None = N_TREES) -> None:
    """Train the four forests of a line with lstchain_mc_trainpipe; beside them lie configuration and pointings.

    They are small, or for no `n_trees` as large as the standard configuration has them.
    """
    models = layout.models(line)
    models.mkdir(parents=True, exist_ok=True)
    layout.config(line).write_text(json.dumps(_config(n_trees), indent=1))
    pointings = Table(
        {"zd": [n.zenith for n in line.training] * u.deg, "az": [n.azimuth for n in line.training] * u.deg}
    )
    pointings.write(models / "training_dirs.ecsv", overwrite=True)
    run_tool(
        "lstchain_mc_trainpipe", "--fg", layout.training(line, "GammaDiffuse"),
        "--fp", layout.training(line, "Protons"), "-o", models, "-c", layout.config(line), seed=seed,
    )  # fmt: skip


def reconstruct_testing(layout: Layout, line: DeclinationLine) -> None:
    """DL1 → DL2 of every test node of a line, loading the forests once."""
    folder = layout.models(line).parent / f"testing-{line.name}"
    inputs = [argument for node in line.testing for argument in ("-f", layout.testing_dl1(node))]
    run_tool(
        "lstchain_dl1_to_dl2",
        *inputs,
        "-p",
        layout.models(line),
        "-o",
        folder,
        "-c",
        layout.config(line),
        "--overwrite",
    )
    for node in line.testing:
        dl2 = layout.testing_dl2(line, node)
        dl2.parent.mkdir(parents=True, exist_ok=True)
        (folder / dl2.name).rename(dl2)
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()


def _config(n_trees: int | None) -> dict[str, object]:
    """The standard configuration, with smaller forests if asked for; half of the few gammas train the classifier."""
    config = json.loads(json.dumps(standard_config, default=str))
    config["n_training_events"] |= {"gamma_tmp_regressors": 0.5, "gamma_classifier": 0.5, "proton_classifier": 0.5}
    forests = [key for key in config if key.startswith("random_forest_") and key.endswith("_args")]
    for forest in forests if n_trees else ():
        config[forest] |= {"n_estimators": n_trees, "max_depth": DEPTH}
    return config  # type: ignore[no-any-return]


def _write(
    path: Path, rng: np.random.Generator, setups: list[SimulationSetup], particle: Particle, n_wanted: int
) -> None:
    """Simulate every setup into one file, which carries the simulation tables of the first, as merged files do."""
    tables, n_thrown = [], 0
    for setup in setups:
        columns, n = _throw(rng, setup, particle, n_wanted)
        tables.append(_complete(rng, columns, setup, particle))
        n_thrown += n
    metadata = write_dl1(path, pd.concat(tables, ignore_index=True), SIMULATED_COLUMNS)
    write_simulation_tables(path, setups[0], n_thrown, metadata)


def _throw(rng: np.random.Generator, setup: SimulationSetup, particle: Particle, n_wanted: int) -> tuple[Columns, int]:
    """Throw showers until `n_wanted` trigger; returns their columns and how many were thrown."""
    cos_zenith = float(np.cos(np.radians(setup.zenith_deg)))
    thrower = Thrower.prepare(
        lambda e: e**setup.spectral_index, setup.energies_tev, setup.radius_m, cos_zenith, particle
    )
    parts: list[Columns] = []
    n_thrown, n_seen, chunk = 0, 0, SHOWERS_PER_CHUNK[particle]
    while n_seen < n_wanted:
        energy, impact = thrower.throw(rng, int(rng.binomial(chunk, thrower.fraction)))
        x, y = throw_in_ring(rng, len(energy), *setup.view_cone_deg)
        seen, columns = draw_images(rng, Showers(energy, impact, x, y, np.full(len(energy), cos_zenith)), particle)
        parts.append(columns | {
            "mc_energy": energy[seen], "mc_core_distance": impact[seen], "src_x": x[seen], "src_y": y[seen],
        })  # fmt: skip
        n_thrown, n_seen = n_thrown + chunk, n_seen + len(seen)
        chunk = max(100_000, int(1.05 * (n_wanted - n_seen) * n_thrown / max(n_seen, 1)))
    return join(parts), n_thrown


def _complete(rng: np.random.Generator, columns: Columns, setup: SimulationSetup, particle: Particle) -> pd.DataFrame:
    """Add pointing, arrival direction (by lstchain's own transformation), disp and identification."""
    events = pd.DataFrame(columns)
    n = len(events)
    altitude, azimuth = np.radians(90 - setup.zenith_deg), np.radians(setup.azimuth_deg)
    direction = camera_to_altaz(
        events.src_x.values * u.m, events.src_y.values * u.m, FOCAL_LENGTH_M * u.m, np.full(n, altitude) * u.rad,
        np.full(n, azimuth) * u.rad,
    )  # fmt: skip
    core = rng.uniform(0, 2 * np.pi, n)
    dx, dy, norm, angle, sign = disp(*(events[c].values for c in ("x", "y", "src_x", "src_y", "psi")))
    tel_x, tel_y, tel_z = TELESCOPE_POSITION_M
    return events.assign(
        mc_alt=direction.alt.rad, mc_az=direction.az.rad, mc_alt_tel=altitude, mc_az_tel=azimuth, alt_tel=altitude,
        az_tel=azimuth, sin_az_tel=np.sin(azimuth), log_mc_energy=np.log10(events.mc_energy), mc_type=particle.mc_type,
        mc_core_x=events.mc_core_distance * np.cos(core), mc_core_y=events.mc_core_distance * np.sin(core),
        mc_h_first_int=rng.exponential(8000, n) + 15000, mc_x_max=36.7 * np.log(events.mc_energy * 1000 / 0.086),
        disp_dx=dx, disp_dy=dy, disp_norm=norm, disp_angle=angle, disp_sign=sign, obs_id=setup.obs_id,
        event_id=np.arange(n) * 100 + 1, calibration_id=0, tel_id=1, tel_pos_x=tel_x, tel_pos_y=tel_y, tel_pos_z=tel_z,
        trigger_type=32, trigger_time=0.0, event_type=32,
    )  # fmt: skip
