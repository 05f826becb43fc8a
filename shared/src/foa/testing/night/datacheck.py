"""Datacheck files of the synthetic night: run-wise from a parametric model, night-wise by lstchain's own tools.

The cosmic-ray intensity spectrum follows lstchain_cherenkov_transparency's own zenith parametrisation
(1.74 events/s/p.e. at 422 p.e. at zenith, index −2.24); a light yield k scales every intensity by k.
"""

import json

import astropy.units as u
import h5py
import numpy as np
import tables
from ctapipe.io import HDF5TableWriter
from lstchain.datachecks.containers import DL1DataCheckContainer, DL1DataCheckHistogramBins
from lstchain.io import standard_config

from foa.testing.night.definition import Defect, Layout, Run
from foa.testing.night.images import N_PIXELS
from foa.testing.night.observation import Track, follow
from foa.testing.night.processes import run_tool
from foa.testing.night.showers import Array

SUBRUN_S = 10.0
RATE_AT_422_PE, SPECTRAL_INDEX = 1.74, -2.24
RATE_VS_COS_ZENITH = (-0.44751321, 3.62502037, -1.43611437)
INDEX_VS_COS_ZENITH = (-2.89253919, 0.99443581, -0.34013068)
"""Second-order polynomials of lstchain_cherenkov_transparency."""
PULSE_FRACTIONS = {"0010": 0.02, "0030": 0.006, "0100": 0.0012, "0300": 0.0003, "1000": 0.00006}
"""Fractions of the events with a pulse above so many p.e. in a pixel."""
KINDS = {"pedestals": (32, 100.0), "flatfield": (4, 50.0), "cosmics": (1, 0.0)}
"""Trigger tag and rate (Hz) of each kind of event; the rate of cosmics follows from the model."""
EMPTY_HISTOGRAMS: dict[str, int | tuple[int, int]] = {
    "hist_npixels": 399, "hist_nislands": 30, "hist_dist0": 49, "hist_dist0_intensity_gt_200": 49, "hist_psi": 100,
    "hist_pixelchargespectrum": 120, "num_nearby_stars": N_PIXELS,
    "hist_width": (100, 100), "hist_length": (100, 100), "hist_skewness": (100, 100), "hist_intercept": (100, 100),
    "hist_tgrad_vs_length": (100, 100), "hist_tgrad_vs_length_intensity_gt_200": (100, 100),
}  # fmt: skip


def write_run_wise(layout: Layout, run: Run, seed: int) -> None:
    """Write the datacheck file of a run: a row per subrun for every kind of event."""
    path = layout.run_wise_datacheck(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    rng = np.random.default_rng([seed, run.obs_id, 1])
    track = follow(run)
    kinds = ["cosmics"] if run.defect is Defect.NO_INTERLEAVED else list(KINDS)
    filters = tables.Filters(complevel=9, complib="blosc:zstd", fletcher32=True)
    with HDF5TableWriter(str(path), filters=filters) as writer:
        for subrun in range(int(run.duration // SUBRUN_S)):
            for kind in kinds:
                writer.write(f"dl1datacheck/{kind}", _container(rng, kind, run, track, subrun))
        writer.write("dl1datacheck/histogram_binning", DL1DataCheckHistogramBins())
    with h5py.File(path, "a") as file:
        file.create_dataset("/dl1datacheck/used_trigger_tag", (1,), "S32", [b"event_type"])
        file["/dl1datacheck/cosmics"].attrs["config"] = json.dumps(standard_config, default=str)


def write_night_wise(layout: Layout, night: str) -> None:
    """Summarise a night (`YYYYMMDD`) with lstchain's own tools."""
    path = layout.night_wise_datacheck(night)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    run_wise = layout.root / "DL1/datacheck_files" / night
    run_tool("lstchain_longterm_dl1_check", "-d", run_wise, "-o", path, "--batch")
    run_tool("lstchain_cherenkov_transparency", "-u", path, "-d", run_wise)


def _intensity_rates(edges: Array, cos_zenith: float, light_yield: float) -> Array:
    """Expected rate (1/s) in each bin of intensity (p.e.)."""
    rate = RATE_AT_422_PE * _parabola(cos_zenith, RATE_VS_COS_ZENITH) / _parabola(1, RATE_VS_COS_ZENITH)
    index = SPECTRAL_INDEX - _parabola(1, INDEX_VS_COS_ZENITH) + _parabola(cos_zenith, INDEX_VS_COS_ZENITH)
    fine = np.geomspace(edges[0], edges[-1], 20001)
    centre = np.sqrt(fine[1:] * fine[:-1])
    density = np.minimum(rate * (centre / light_yield / 422) ** index / light_yield, 80.0)
    trigger = 1 / (1 + np.exp(-(np.log10(centre) - np.log10(43)) / 0.055))
    rates, _ = np.histogram(centre, bins=edges, weights=density * trigger * np.exp(-centre / 4e5) * np.diff(fine))
    return np.asarray(rates)


def _parabola(x: float, coefficients: tuple[float, float, float]) -> float:
    a, b, c = coefficients
    return a + b * x + c * x * x


def _container(rng: np.random.Generator, kind: str, run: Run, track: Track, subrun: int) -> DL1DataCheckContainer:
    bins = DL1DataCheckHistogramBins()
    tag, rate = KINDS[kind]
    rates = _intensity_rates(bins.hist_intensity, track.cos_zenith, run.light_yield)
    n_events = int(rng.poisson(1.06 * rates.sum() * SUBRUN_S)) if kind == "cosmics" else int(rate * SUBRUN_S)
    container = DL1DataCheckContainer()
    for name, shape in EMPTY_HISTOGRAMS.items():
        container[name] = np.zeros(shape, np.int64)
    _fill_identity(container, track, subrun, n_events, tag)
    container.hist_delta_t = _waiting_times(rng, bins.hist_delta_t, n_events)
    if kind == "cosmics":
        _fill_cosmics(rng, container, np.asarray(rng.poisson(rates * SUBRUN_S)), n_events)
    else:
        _fill_calibration(rng, container, kind, n_events)
    return container


def _fill_identity(container: DL1DataCheckContainer, track: Track, subrun: int, n_events: int, tag: int) -> None:
    """Times, numbers and pointing of a subrun."""
    first = track.start + subrun * SUBRUN_S
    middle = (subrun + 0.5) * SUBRUN_S
    triggers = np.zeros((10, 2), np.int64)
    triggers[0] = (tag, n_events)
    container.subrun_index, container.num_events, container.num_ucts_jumps = subrun, n_events, 0
    container.elapsed_time = SUBRUN_S * u.s
    container.trigger_type, container.ucts_trigger_type = triggers, triggers.copy()
    for name, values, unit in (
        ("mean_alt_tel", track.altitude, u.rad), ("mean_az_tel", track.azimuth % (2 * np.pi), u.rad),
        ("tel_ra", track.ra, u.deg), ("tel_dec", track.dec, u.deg),
    ):  # fmt: skip
        container[name] = np.interp(middle, track.time, values) * unit
    sampled = np.linspace(first, first + 0.98 * SUBRUN_S, 50) * u.s
    container.ucts_time = container.tib_time = container.dragon_time = sampled
    container.sampled_event_ids = np.linspace(subrun * 53000, (subrun + 1) * 53000 - 1000, 50).astype(np.int64)


def _waiting_times(rng: np.random.Generator, edges_ms: Array, n_events: int) -> Array:
    """Histogram of the times between events: exponential, cut by the dead time."""
    decay = np.exp(-n_events / SUBRUN_S * 1e-3 * np.clip(edges_ms, 7e-3, None))
    return np.asarray(rng.poisson(np.clip(n_events * -np.diff(decay), 0, None)))


def _fill_cosmics(
    rng: np.random.Generator, container: DL1DataCheckContainer, intensities: Array, n_events: int
) -> None:
    container.hist_intensity = intensities
    container.num_cleaned_events = int(intensities.sum())
    container.cog_within_pixel = rng.poisson(intensities.sum() / N_PIXELS, N_PIXELS)
    container.cog_within_pixel_intensity_gt_200 = rng.poisson(intensities[26:].sum() / N_PIXELS, N_PIXELS)
    for threshold, fraction in PULSE_FRACTIONS.items():
        container[f"num_pulses_above_{threshold}_pe"] = rng.poisson(n_events * fraction, N_PIXELS)


def _fill_calibration(rng: np.random.Generator, container: DL1DataCheckContainer, kind: str, n_events: int) -> None:
    """Charges and times of the pixels, with a spread: 1.55 p.e. of night-sky noise, 75 p.e. of flat-field light."""
    flatfield = kind == "flatfield"
    container.hist_intensity = np.zeros(100, np.int64)
    container.num_cleaned_events = n_events if flatfield else int(0.005 * n_events)
    container.cog_within_pixel = container.cog_within_pixel_intensity_gt_200 = np.zeros(N_PIXELS, np.int64)
    values = {"charge_mean": (75.0, 1.0), "charge_stddev": (9.0, 0.05)} if flatfield else {
        "charge_mean": (0.0, 0.02), "charge_stddev": (1.55, 0.05)}  # fmt: skip
    if flatfield:
        values |= {
            "time_mean": (16, 0.2), "time_stddev": (0.4, 0.02), "relative_time_mean": (0, 0.1),
            "relative_time_stddev": (0.35, 0.02), "time_mean_above_030_pe": (16, 0.2),
            "time_stddev_above_030_pe": (0.4, 0.02),
        }  # fmt: skip
    for name, (mean, spread) in values.items():
        container[name] = (mean + spread * rng.normal(0, 1, N_PIXELS)).astype(np.float32)
    for threshold in PULSE_FRACTIONS:
        pulses = n_events if flatfield and threshold in ("0010", "0030") else 0
        container[f"num_pulses_above_{threshold}_pe"] = np.full(N_PIXELS, pulses)
