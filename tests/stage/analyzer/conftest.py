"""A strong source in a field of cosmics: small observations, and files of them."""

import astropy.units as u
import numpy as np
import pytest
import tables
from astropy.coordinates import AltAz, SkyCoord
from astropy.table import Table
from astropy.time import Time
from astropy.utils import iers
from gammapy.data import EventList, FixedPointingInfo, Observation, Observations
from gammapy.datasets import Datasets
from gammapy.irf import (
    PSF3D,
    Background2D,
    EffectiveAreaTable2D,
    EnergyDispersion2D,
    RadMax2D,
)
from gammapy.maps import MapAxis
from gammapy.utils.fits import earth_location_to_dict
from gammapy.utils.time import time_ref_to_dict

from foa_analyzer.dl2_events import DL2_PARAMETERS, LST1
from foa_analyzer.reflected_regions import extract
from foa_analyzer.request import AnalysedRun
from foa_analyzer.steps import RunSet
from foa_analyzer.theta2 import Dl2Counter
from foa_stage.event_filters import SHOWER
from foa_stage.manifests import Analysis
from foa_stage.tree import product_of

TARGET = SkyCoord(83.63, 22.01, unit="deg")
WOBBLE_DEG, PSF_DEG, RAD_MAX_DEG, FIELD_DEG = 0.4, 0.06, 0.15, 2.0
START = Time("2024-12-05T23:00:00", scale="utc")
RUN_S, N_COSMICS, N_SOURCE = 1200.0, 3000, 150
ENERGIES = MapAxis.from_energy_bounds("0.05 TeV", "100 TeV", nbin=3, per_decade=True)
AREA_M2 = 1e5
FLUX = N_SOURCE / (AREA_M2 * 1e4 * RUN_S)
"""Of the source above 0.1 TeV in cm⁻² s⁻¹; its photon index is 2.5."""
SETTINGS = Analysis(
    energy_range_tev=(0.1, 10),
    bins_per_decade=2,
    light_curve_range_tev=(0.1, 10),
    true_bins_per_decade=4,
    map_width_deg=2.4,
    map_pixel_deg=0.06,
)
HDUS = {
    "events": ("events", "EVENTS"),
    "gti": ("gti", "GTI"),
    "aeff": ("aeff_2d", "EFFECTIVE AREA"),
    "edisp": ("edisp_2d", "ENERGY DISPERSION"),
    "rad_max": ("rad_max_2d", "RAD_MAX"),
}


@pytest.fixture(scope="session", autouse=True)
def _no_network():
    with iers.conf.set_temp("auto_download", False):
        yield


def make_irfs(*, point_like):
    """Make flat IRFs: point-like ones of one offset, or full-enclosure ones with a background."""
    edges = [0.3, 0.5] if point_like else [0, 1, 2.5]
    offset = MapAxis.from_edges(edges, unit="deg", name="offset")
    energy, true = ENERGIES.copy(name="energy"), ENERGIES.copy(name="energy_true")
    migra = MapAxis.from_bounds(0.2, 5, nbin=60, name="migra", node_type="edges")
    area = np.full((true.nbin, offset.nbin), AREA_M2)
    irfs = {
        "aeff": EffectiveAreaTable2D([true, offset], area, "m2", is_pointlike=point_like),
        "edisp": EnergyDispersion2D.from_gauss(true, migra, offset, bias=0, sigma=0.2),
    }
    if point_like:
        radius = np.full((energy.nbin, offset.nbin), RAD_MAX_DEG)
        return irfs | {"rad_max": RadMax2D([energy, offset], radius, "deg")}
    rad = MapAxis.from_edges(np.linspace(0, 0.5, 51), unit="deg", name="rad")
    sigma = PSF_DEG * u.deg
    density = (np.exp(-0.5 * (rad.center / sigma) ** 2) / (2 * np.pi * sigma**2)).to("sr-1")
    rate = np.full((energy.nbin, offset.nbin), 1e-3)
    return irfs | {
        "psf": PSF3D([true, offset, rad], np.tile(density, (true.nbin, offset.nbin, 1))),
        "bkg": Background2D([energy, offset], rate, "s-1 MeV-1 sr-1"),
    }


def draw_positions(centre, radius_deg, rng):
    """Draw a position at each of these distances."""
    angle = 360 * rng.random(len(radius_deg))
    position = centre.directional_offset_by(angle * u.deg, radius_deg * u.deg)
    return np.array([position.ra.deg, position.dec.deg])


def draw_events(pointing, n_source, start, rng):
    """Draw a source at the target, and cosmics all over the field of view."""
    of_source = PSF_DEG * np.sqrt(-2 * np.log(rng.random(n_source)))
    of_cosmics = FIELD_DEG * np.sqrt(rng.random(N_COSMICS))
    source = draw_positions(TARGET, of_source, rng)
    ra, dec = np.hstack([source, draw_positions(pointing, of_cosmics, rng)]) * u.deg
    energy = np.clip(0.1 * rng.random(len(ra)) ** (-1 / 1.5), 0.1, 45) * u.TeV
    time = start + np.sort(RUN_S * rng.random(len(ra))) * u.s
    return {"RA": ra, "DEC": dec, "ENERGY": energy, "TIME": time}


def make_header(obs_id, pointing, start):
    """Make the header of the events of a run without dead time."""
    seconds = (start - START).to_value("s")
    times = {"TSTART": seconds, "TSTOP": seconds + RUN_S, "ONTIME": RUN_S, "LIVETIME": RUN_S}
    pointed = {"OBS_MODE": "POINTING", "RA_PNT": pointing.ra.deg, "DEC_PNT": pointing.dec.deg}
    placed = earth_location_to_dict(LST1) | time_ref_to_dict(START)
    return {"OBS_ID": obs_id, "DEADC": 1.0} | times | pointed | placed


@pytest.fixture(scope="session")
def observe():
    """Observe the target for 20 min, east of it in odd runs and west of it in even ones."""

    def make(obs_id, *, point_like=True, n_source=N_SOURCE, offset_deg=WOBBLE_DEG, night=0):
        side = 90 if obs_id % 2 else 270
        pointing = TARGET.directional_offset_by(side * u.deg, offset_deg * u.deg)
        start = START + night * u.day + (obs_id % 10) * 25 * u.min
        observation = Observation.create(
            FixedPointingInfo(fixed_icrs=pointing),
            location=LST1,
            obs_id=obs_id,
            tstart=start,
            tstop=start + RUN_S * u.s,
            irfs=make_irfs(point_like=point_like),
            reference_time=START,
        )
        events = draw_events(pointing, n_source, start, np.random.default_rng(obs_id))
        header = make_header(obs_id, pointing, start)
        observation.events = EventList(Table(events, meta=header))
        return observation

    return make


@pytest.fixture(scope="session")
def extracted(observe):
    return extract(Observations([observe(1), observe(2)]), TARGET, SETTINGS)


@pytest.fixture
def datasets(extracted):
    """On and off spectra of two runs, to be changed at will."""
    return Datasets([dataset.copy(name=dataset.name) for dataset in extracted])


@pytest.fixture(scope="session")
def target():
    return TARGET


@pytest.fixture(scope="session")
def settings():
    return SETTINGS


@pytest.fixture(scope="session")
def flux():
    return FLUX


@pytest.fixture
def make_run_set(tmp_path):
    """Make a set of runs, whose settings can be changed by name."""

    def make(observations=(), runs=(), **changes):
        observed = Observations(list(observations)) if observations else None
        settings = SETTINGS.model_copy(update=changes)
        return RunSet(tuple(runs), observed, TARGET, settings, tmp_path)

    return make


@pytest.fixture
def counter():
    """Make what counts the events of DL2 files."""
    return Dl2Counter(TARGET, SETTINGS)


@pytest.fixture(scope="session")
def write_dl3():
    """Write an observation and its index files into a directory; return it as a product."""

    def write(observation, directory):
        directory.mkdir(parents=True)
        path = directory / f"dl3_LST-1.Run{observation.obs_id:05d}.fits"
        observation.write(path)
        rows = [
            (observation.obs_id, kind, hdu_class, ".", path.name, name)
            for kind, (hdu_class, name) in HDUS.items()
        ]
        names = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME")
        Table(rows=rows, names=names).write(directory / "hdu-index.fits.gz")
        Table({"OBS_ID": [observation.obs_id]}).write(directory / "obs-index.fits.gz")
        return product_of("dl3", path)

    return write


@pytest.fixture(scope="session")
def write_dl2():
    """Write the events of an observation as DL2, columns changed by name; return it as a product.

    Gammaness is 1 and the intensity 100 p.e..
    """

    def write(observation, path, **changes):
        events = observation.events
        frame = AltAz(obstime=events.time.utc, location=LST1)
        direction = events.radec.transform_to(frame)
        pointed = observation.get_pointing_icrs(observation.tmid).transform_to(frame)
        columns = {
            "event_type": np.full(len(events.time), SHOWER),
            "gammaness": np.ones(len(events.time)),
            "intensity": np.full(len(events.time), 100.0),
            "reco_energy": events.energy.to_value("TeV"),
            "reco_alt": direction.alt.rad,
            "reco_az": direction.az.rad,
            "alt_tel": pointed.alt.rad,
            "az_tel": pointed.az.rad,
            "dragon_time": events.time.unix,
        }
        group, name = DL2_PARAMETERS.rsplit("/", 1)
        with tables.open_file(path, "w") as file:
            rows = Table(columns | changes).as_array()
            file.create_table(group, name, rows, createparents=True)
        return product_of("dl2", path)

    return write


@pytest.fixture
def make_run(observe, write_dl2, write_dl3, tmp_path):
    """Make a run with DL2 and DL3 files."""

    def make(obs_id, *, n_source=N_SOURCE, **changes):
        observation = observe(obs_id, n_source=n_source)
        dl2 = write_dl2(observation, tmp_path / f"dl2_LST-1.Run{obs_id:05d}.h5")
        dl3 = write_dl3(observation, tmp_path / f"dl3-{obs_id}")
        return AnalysedRun(obs_id=obs_id, dl2=dl2, effective_s=RUN_S, dl3=dl3, **changes)

    return make
