"""Training and test MC of the synthetic night, and the Random Forests made from it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.table import Table
from lstchain.io import standard_config
from lstchain.reco.disp import disp
from lstchain.reco.utils import camera_to_altaz

from foa_testing.night.definition import DeclinationLine, Layout, Node
from foa_testing.night.dl1 import (
    SIMULATED_COLUMNS,
    SimulationSetup,
    write_dl1,
    write_simulation_tables,
)
from foa_testing.night.images import Columns, draw_images
from foa_testing.night.processes import run_tool
from foa_testing.night.sampling import Beam, Thrower, join, throw_in_ring
from foa_testing.night.showers import (
    FOCAL_LENGTH_M,
    GAMMA,
    PROTON,
    Array,
    Particle,
    Showers,
)

N_TRAINING = {GAMMA: 4000, PROTON: 4000}
"""Events per node: forests good enough for a 10 σ Crab in ten minutes."""
N_TESTING = 15000
"""Gammas per test node: more than the 100 per energy bin that energy-dependent cuts need."""
N_TREES = 30
DEPTH = 15
TRAINING_SHARES = dict.fromkeys(
    ("gamma_tmp_regressors", "gamma_classifier", "proton_classifier"), 0.5
)
"""Of the events: half of the few gammas train the classifier."""
SHOWERS_PER_CHUNK = {GAMMA: 200_000, PROTON: 10_000_000}
SMALLEST_CHUNK = 100_000
TRAINING = (
    ("GammaDiffuse", GAMMA, (0.01, 50.0), 700.0, (0.0, 3.0)),
    ("Protons", PROTON, (0.03, 100.0), 1000.0, (0.0, 8.0)),
)
"""Energies (TeV), impact radius (m) and view cone (deg) of the training MC."""
TESTING = ((0.01, 50.0), 700.0, (0.39, 0.41))
"""The same for test gammas: a ring around the pointing at the wobble offset."""
CONSTANT_COLUMNS = {
    "calibration_id": 0,
    "event_type": 32,
    "tel_id": 1,
    "tel_pos_x": -6.336,
    "tel_pos_y": 60.405,
    "tel_pos_z": 12.5,
    "trigger_time": 0.0,
    "trigger_type": 32,
}


def simulate_training(
    layout: Layout, line: DeclinationLine, seed: int, n_events: Mapping[Particle, int] = N_TRAINING
) -> None:
    """Write the merged training files of a declination line.

    Parameters
    ----------
    n_events
        Number of events per node that trigger, for each particle.
    """
    for name, particle, energies, radius, cone in TRAINING:
        rng = np.random.default_rng([seed, particle.mc_type, *line.name.encode()])
        setups = [
            SimulationSetup(100 + k, node.zenith, node.azimuth, energies, radius, cone)
            for k, node in enumerate(line.training)
        ]
        _write(layout.training(line, name), rng, setups, particle, n_events[particle])


def simulate_testing(layout: Layout, node: Node, seed: int) -> None:
    """Write the test gammas of a node."""
    rng = np.random.default_rng([seed, *node.name.encode()])
    setup = SimulationSetup(200, node.zenith, node.azimuth, *TESTING)
    _write(layout.testing_dl1(node), rng, [setup], GAMMA, N_TESTING)


def train(layout: Layout, line: DeclinationLine, seed: int, n_trees: int | None = N_TREES) -> None:
    """Train the four forests of a line with lstchain_mc_trainpipe.

    Configuration and training pointings are written beside them.

    Parameters
    ----------
    n_trees
        Number of small trees in each forest; None: forests of the standard configuration.
    """
    models, config = layout.models(line), layout.config(line)
    models.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps(_config(n_trees), indent=1))
    zenith, azimuth = zip(*((node.zenith, node.azimuth) for node in line.training), strict=True)
    pointings = Table({"zd": zenith * u.deg, "az": azimuth * u.deg})
    pointings.write(models / "training_dirs.ecsv", overwrite=True)
    gammas, protons = (layout.training(line, name) for name, *_ in TRAINING)
    inputs = ("--fg", gammas, "--fp", protons)
    run_tool("lstchain_mc_trainpipe", *inputs, "-o", models, "-c", config, seed=seed)


def reconstruct_testing(layout: Layout, line: DeclinationLine) -> None:
    """Reconstruct (DL1 → DL2) every test node of a line, loading the forests once."""
    models, config = layout.models(line), layout.config(line)
    directory = models.parent / f"testing-{line.name}"
    inputs = [word for node in line.testing for word in ("-f", layout.testing_dl1(node))]
    options = ("-p", models, "-o", directory, "-c", config, "--overwrite")
    run_tool("lstchain_dl1_to_dl2", *inputs, *options)
    for node in line.testing:
        dl2 = layout.testing_dl2(line, node)
        dl2.parent.mkdir(parents=True, exist_ok=True)
        (directory / dl2.name).rename(dl2)
    for leftover in directory.iterdir():
        leftover.unlink()
    directory.rmdir()


def _config(n_trees: int | None) -> dict[str, object]:
    """Return the standard configuration, with smaller forests unless `n_trees` is None."""
    config: dict[str, dict[str, object]] = json.loads(json.dumps(standard_config, default=str))
    config["n_training_events"] |= TRAINING_SHARES
    forests = [key for key in config if re.fullmatch("random_forest_.*_args", key)]
    for forest in forests if n_trees else ():
        config[forest] |= {"n_estimators": n_trees, "max_depth": DEPTH}
    return dict(config)


def _write(
    path: Path,
    rng: np.random.Generator,
    setups: list[SimulationSetup],
    particle: Particle,
    n_wanted: int,
) -> None:
    """Simulate every setup into one file.

    Its simulation tables are those of the first setup, with the showers of all, as in merged files.
    """
    events, n_thrown = [], 0
    for setup in setups:
        columns, n = _throw(rng, setup, particle, n_wanted)
        events.append(_complete(rng, columns, setup, particle))
        n_thrown += n
    metadata = write_dl1(path, pd.concat(events, ignore_index=True), SIMULATED_COLUMNS)
    write_simulation_tables(path, setups[0], n_thrown, metadata)


def _throw(
    rng: np.random.Generator, setup: SimulationSetup, particle: Particle, n_wanted: int
) -> tuple[Columns, int]:
    """Throw showers until `n_wanted` trigger; return their columns and the number thrown."""
    thrower = Thrower.prepare(_beam(setup, particle))
    parts: list[Columns] = []
    n_thrown, n_seen, chunk = 0, 0, SHOWERS_PER_CHUNK[particle]
    while n_seen < n_wanted:
        n_bright = int(rng.binomial(chunk, thrower.fraction))
        parts.append(_throw_bright(rng, thrower, setup.view_cone_deg, n_bright))
        n_thrown, n_seen = n_thrown + chunk, n_seen + len(parts[-1]["mc_energy"])
        needed = int(1.05 * (n_wanted - n_seen) * n_thrown / max(n_seen, 1))
        chunk = max(SMALLEST_CHUNK, needed)
    return join(parts), n_thrown


def _beam(setup: SimulationSetup, particle: Particle) -> Beam:
    def spectrum(energy: Array) -> Array:
        return np.asarray(energy**setup.spectral_index)

    return Beam(particle, spectrum, setup.energies_tev, setup.radius_m, setup.cos_zenith)


def _throw_bright(
    rng: np.random.Generator, thrower: Thrower, cone_deg: tuple[float, float], n: int
) -> Columns:
    """Throw `n` showers bright enough to trigger; return the columns of those that do."""
    energy, impact = thrower.throw(rng, n)
    x, y = throw_in_ring(rng, n, *cone_deg)
    showers = Showers(energy, impact, x, y, np.full(n, thrower.beam.cos_zenith))
    seen, columns = draw_images(rng, showers, thrower.beam.particle)
    primaries = {"mc_energy": energy, "mc_core_distance": impact, "src_x": x, "src_y": y}
    return columns | {name: values[seen] for name, values in primaries.items()}


def _complete(
    rng: np.random.Generator, columns: Columns, setup: SimulationSetup, particle: Particle
) -> pd.DataFrame:
    """Add pointing, arrival direction, truth, disp and identification."""
    events = pd.DataFrame(columns)
    events = events.assign(**_directions(events, setup), **_truth(rng, events), **_disp(events))
    identification = {"obs_id": setup.obs_id, "event_id": np.arange(len(events)) * 100 + 1}
    return events.assign(mc_type=particle.mc_type, **identification, **CONSTANT_COLUMNS)


def _directions(events: pd.DataFrame, setup: SimulationSetup) -> Mapping[str, object]:
    """Return pointing and arrival direction (rad), by lstchain's own transformation."""
    altitude, azimuth = np.radians(90 - setup.zenith_deg), np.radians(setup.azimuth_deg)
    position = (events.src_x.values * u.m, events.src_y.values * u.m)
    pointing = [np.full(len(events), angle) * u.rad for angle in (altitude, azimuth)]
    direction = camera_to_altaz(*position, FOCAL_LENGTH_M * u.m, *pointing)
    return {
        "alt_tel": altitude,
        "az_tel": azimuth,
        "sin_az_tel": np.sin(azimuth),
        "mc_alt_tel": altitude,
        "mc_az_tel": azimuth,
        "mc_alt": direction.alt.rad,
        "mc_az": direction.az.rad,
    }


def _truth(rng: np.random.Generator, events: pd.DataFrame) -> Mapping[str, object]:
    """Return core, height of the first interaction (m) and depth of the maximum (g/cm²)."""
    n = len(events)
    core = rng.uniform(0, 2 * np.pi, n)
    return {
        "log_mc_energy": np.log10(events.mc_energy),
        "mc_core_x": events.mc_core_distance * np.cos(core),
        "mc_core_y": events.mc_core_distance * np.sin(core),
        "mc_h_first_int": rng.exponential(8000, n) + 15000,
        "mc_x_max": 36.7 * np.log(events.mc_energy * 1000 / 0.086),
    }


def _disp(events: pd.DataFrame) -> Mapping[str, object]:
    """Return the vector between image and source, as lstchain computes it."""
    values = disp(*(events[name].values for name in ("x", "y", "src_x", "src_y", "psi")))
    names = ("disp_dx", "disp_dy", "disp_norm", "disp_angle", "disp_sign")
    return dict(zip(names, values, strict=True))
