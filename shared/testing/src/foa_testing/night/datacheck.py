"""Datacheck files of the synthetic night.

Run-wise files come from a parametric model, night-wise ones from lstchain's own tools.  The
cosmic-ray intensity spectrum follows the zenith parametrisation of lstchain_cherenkov_transparency
(1.74 events/s/p.e. at 422 p.e. at zenith, index −2.24); a light yield k scales every intensity by
k.
"""

import json
from dataclasses import dataclass

import astropy.units as u
import h5py
import numpy as np
import tables
from ctapipe.io import HDF5TableWriter
from lstchain.datachecks.containers import DL1DataCheckContainer, DL1DataCheckHistogramBins
from lstchain.io import standard_config

from foa_testing.night.definition import SUBRUN_S, Defect, Layout, SyntheticRun
from foa_testing.night.images import N_PIXELS
from foa_testing.night.processes import run_tool
from foa_testing.night.showers import Array
from foa_testing.night.track import Track, follow

RATE_AT_422_PE, SPECTRAL_INDEX = 1.74, -2.24
RATE_VS_COS_ZENITH = (-0.44751321, 3.62502037, -1.43611437)
INDEX_VS_COS_ZENITH = (-2.89253919, 0.99443581, -0.34013068)
"""Second-order polynomials of lstchain_cherenkov_transparency."""
PULSE_FRACTIONS = {"0010": 0.02, "0030": 0.006, "0100": 0.0012, "0300": 0.0003, "1000": 0.00006}
"""Fractions of the events with a pulse above so many p.e. in a pixel."""
KINDS = {"pedestals": (32, 100.0), "flatfield": (4, 50.0), "cosmics": (1, 0.0)}
"""Trigger tag and rate (Hz) of each kind of event; the rate of cosmics follows from the model."""
EMPTY_HISTOGRAMS: dict[str, int | tuple[int, int]] = {
    "hist_npixels": 399,
    "hist_nislands": 30,
    "hist_dist0": 49,
    "hist_dist0_intensity_gt_200": 49,
    "hist_psi": 100,
    "hist_pixelchargespectrum": 120,
    "num_nearby_stars": N_PIXELS,
    "hist_width": (100, 100),
    "hist_length": (100, 100),
    "hist_skewness": (100, 100),
    "hist_intercept": (100, 100),
    "hist_tgrad_vs_length": (100, 100),
    "hist_tgrad_vs_length_intensity_gt_200": (100, 100),
}
PEDESTAL_PIXELS = {"charge_mean": (0.0, 0.02), "charge_stddev": (1.55, 0.05)}
"""Mean and spread over the pixels, in p.e.: 1.55 p.e. of night-sky noise."""
FLATFIELD_PIXELS = {
    "charge_mean": (75.0, 1.0),
    "charge_stddev": (9.0, 0.05),
    "time_mean": (16, 0.2),
    "time_stddev": (0.4, 0.02),
    "relative_time_mean": (0, 0.1),
    "relative_time_stddev": (0.35, 0.02),
    "time_mean_above_030_pe": (16, 0.2),
    "time_stddev_above_030_pe": (0.4, 0.02),
}
"""The same for flat-field light of 75 p.e., with times in ns."""


def write_run_wise(layout: Layout, run: SyntheticRun, seed: int) -> None:
    """Write the datacheck file of a run: a row per subrun for every kind of event."""
    path = layout.run_wise_datacheck(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    rng = np.random.default_rng([seed, run.obs_id, 1])
    track = follow(run)
    kinds = ["cosmics"] if run.defect is Defect.NO_INTERLEAVED else list(KINDS)
    filters = tables.Filters(complevel=9, complib="blosc:zstd", fletcher32=True)
    with HDF5TableWriter(str(path), filters=filters) as writer:
        for number in range(run.n_subruns):
            subrun = Subrun(run, track, number)
            for kind in kinds:
                writer.write(f"dl1datacheck/{kind}", _container(rng, kind, subrun))
        writer.write("dl1datacheck/histogram_binning", DL1DataCheckHistogramBins())
    with h5py.File(path, "a") as file:
        file.create_dataset("/dl1datacheck/used_trigger_tag", (1,), "S32", [b"event_type"])
        config = json.dumps(standard_config, default=str)
        file["/dl1datacheck/cosmics"].attrs["config"] = config


def write_night_wise(layout: Layout, night: str) -> None:
    """Summarise a night (YYYYMMDD) with lstchain's own tools."""
    path = layout.night_wise_datacheck(night)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    run_wise = layout.root / "DL1/datacheck_files" / night
    run_tool("lstchain_longterm_dl1_check", "-d", run_wise, "-o", path, "--batch")
    run_tool("lstchain_cherenkov_transparency", "-u", path, "-d", run_wise)


@dataclass(frozen=True)
class Subrun:
    """A subrun and what is needed of its run."""

    run: SyntheticRun
    track: Track
    number: int


def intensity_rates(edges: Array, cos_zenith: float, light_yield: float) -> Array:
    """Return the expected rate (1/s) in each bin of intensity.

    Parameters
    ----------
    edges
        Of the bins, in p.e.
    light_yield
        Share of the light that reaches the telescope.
    """
    centre, width = _fine_bins(edges)
    density = _rate_density(centre / light_yield, cos_zenith) / light_yield
    trigger = 1 / (1 + np.exp(-(np.log10(centre) - np.log10(43)) / 0.055))
    weights = np.minimum(density, 80.0) * trigger * np.exp(-centre / 4e5) * width
    rates, _ = np.histogram(centre, bins=edges, weights=weights)
    return np.asarray(rates)


def _fine_bins(edges: Array) -> tuple[Array, Array]:
    """Return centres and widths of bins that are narrow against those with these edges."""
    fine = np.geomspace(edges[0], edges[-1], 20001)
    return np.sqrt(fine[1:] * fine[:-1]), np.diff(fine)


def _rate_density(intensity: Array, cos_zenith: float) -> Array:
    """Return the rate per intensity of the cosmic rays, in 1/s/p.e., without absorption."""
    at_zenith = _parabola(1, RATE_VS_COS_ZENITH)
    rate = RATE_AT_422_PE * _parabola(cos_zenith, RATE_VS_COS_ZENITH) / at_zenith
    index = SPECTRAL_INDEX - _parabola(1, INDEX_VS_COS_ZENITH)
    index += _parabola(cos_zenith, INDEX_VS_COS_ZENITH)
    return rate * (intensity / 422) ** index


def _parabola(x: float, coefficients: tuple[float, float, float]) -> float:
    a, b, c = coefficients
    return a + b * x + c * x * x


def _container(rng: np.random.Generator, kind: str, subrun: Subrun) -> DL1DataCheckContainer:
    """Return the row of a kind of events in a subrun."""
    bins, container = DL1DataCheckHistogramBins(), DL1DataCheckContainer()
    cos_zenith, light_yield = subrun.track.cos_zenith, subrun.run.light_yield
    rates = intensity_rates(bins.hist_intensity, cos_zenith, light_yield)
    n_events = _draw_number(rng, kind, rates)
    for name, shape in EMPTY_HISTOGRAMS.items():
        container[name] = np.zeros(shape, np.int64)
    _fill_identity(container, subrun, n_events, KINDS[kind][0])
    _fill_pointing(container, subrun)
    container.hist_delta_t = _draw_waiting_times(rng, bins.hist_delta_t, n_events)
    if kind == "cosmics":
        _fill_cosmics(rng, container, np.asarray(rng.poisson(rates * SUBRUN_S)), n_events)
    else:
        _fill_calibration(rng, container, kind, n_events)
    return container


def _draw_number(rng: np.random.Generator, kind: str, rates: Array) -> int:
    """Draw the number of events; 6 % of the cosmics leave no image after the cleaning."""
    if kind == "cosmics":
        return int(rng.poisson(1.06 * rates.sum() * SUBRUN_S))
    return int(KINDS[kind][1] * SUBRUN_S)


def _fill_identity(
    container: DL1DataCheckContainer, subrun: Subrun, n_events: int, tag: int
) -> None:
    """Fill in times and numbers of a subrun."""
    triggers = np.zeros((10, 2), np.int64)
    triggers[0] = (tag, n_events)
    container.subrun_index, container.num_events = subrun.number, n_events
    container.num_ucts_jumps = 0
    container.elapsed_time = SUBRUN_S * u.s
    container.trigger_type, container.ucts_trigger_type = triggers, triggers.copy()
    first = subrun.track.start + subrun.number * SUBRUN_S
    sampled = np.linspace(first, first + 0.98 * SUBRUN_S, 50) * u.s
    container.ucts_time = container.tib_time = container.dragon_time = sampled
    ids = np.linspace(subrun.number * 53000, (subrun.number + 1) * 53000 - 1000, 50)
    container.sampled_event_ids = ids.astype(np.int64)


def _fill_pointing(container: DL1DataCheckContainer, subrun: Subrun) -> None:
    """Fill in the pointing in the middle of a subrun."""
    track, middle = subrun.track, (subrun.number + 0.5) * SUBRUN_S
    azimuth = track.azimuth % (2 * np.pi)
    container.mean_alt_tel = np.interp(middle, track.time, track.altitude) * u.rad
    container.mean_az_tel = np.interp(middle, track.time, azimuth) * u.rad
    container.tel_ra = np.interp(middle, track.time, track.ra) * u.deg
    container.tel_dec = np.interp(middle, track.time, track.dec) * u.deg


def _draw_waiting_times(rng: np.random.Generator, edges_ms: Array, n_events: int) -> Array:
    """Draw the histogram of the times between events: exponential, cut by the dead time."""
    decay = np.exp(-n_events / SUBRUN_S * 1e-3 * np.clip(edges_ms, 7e-3, None))
    return np.asarray(rng.poisson(np.clip(n_events * -np.diff(decay), 0, None)))


def _fill_cosmics(
    rng: np.random.Generator, container: DL1DataCheckContainer, intensities: Array, n_events: int
) -> None:
    """Fill in intensities, centroids and pulses of showers."""
    container.hist_intensity = intensities
    container.num_cleaned_events = int(intensities.sum())
    per_pixel, bright_per_pixel = (n.sum() / N_PIXELS for n in (intensities, intensities[26:]))
    container.cog_within_pixel = rng.poisson(per_pixel, N_PIXELS)
    container.cog_within_pixel_intensity_gt_200 = rng.poisson(bright_per_pixel, N_PIXELS)
    for threshold, fraction in PULSE_FRACTIONS.items():
        container[f"num_pulses_above_{threshold}_pe"] = rng.poisson(n_events * fraction, N_PIXELS)


def _fill_calibration(
    rng: np.random.Generator, container: DL1DataCheckContainer, kind: str, n_events: int
) -> None:
    """Fill in charges and times of the pixels, with a spread."""
    flatfield = kind == "flatfield"
    container.hist_intensity = np.zeros(100, np.int64)
    container.num_cleaned_events = n_events if flatfield else int(0.005 * n_events)
    container.cog_within_pixel = np.zeros(N_PIXELS, np.int64)
    container.cog_within_pixel_intensity_gt_200 = np.zeros(N_PIXELS, np.int64)
    for name, (mean, spread) in (FLATFIELD_PIXELS if flatfield else PEDESTAL_PIXELS).items():
        container[name] = (mean + spread * rng.normal(0, 1, N_PIXELS)).astype(np.float32)
    for threshold in PULSE_FRACTIONS:
        pulses = n_events if flatfield and threshold in ("0010", "0030") else 0
        container[f"num_pulses_above_{threshold}_pe"] = np.full(N_PIXELS, pulses)
