"""Run quality: the criteria of lstchain's data-quality notebook (state of July 2026), as pure functions of tables."""

import math
from collections.abc import Iterable

import numpy as np
from foa.manifests import Criterion, Grade, Interval, Pointing, Selection, Target
from numpy.typing import NDArray
from scipy.signal import lombscargle

Table = NDArray[np.void]
Array = NDArray[np.float64]

PERIODOGRAM_FREQUENCIES = np.geomspace(1e-3, 1e-1, 200)
"""rad/s."""


def mean_pointing(subruns: Table) -> Pointing:
    """Mean pointing of a run from its subruns; right ascension and azimuth as circular means."""
    zenith = math.degrees(math.acos(_mean(subruns["cos_zenith"])))
    return Pointing(
        ra=_circular_mean_deg(subruns["ra_tel"]), dec=_mean(subruns["dec_tel"]), zenith=zenith,
        azimuth=_circular_mean_deg(np.degrees(subruns["az_tel"])),
    )  # fmt: skip


def separation_deg(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Angle between two directions, all in degrees (haversine: exact for small angles)."""
    ra1, dec1, ra2, dec2 = np.radians([ra1, dec1, ra2, dec2])
    haversine = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(haversine)))


def grade_of(criteria: Iterable[Criterion]) -> Grade:
    """Bad when a criterion fails, usable when some could not be evaluated, good otherwise."""
    verdicts = {criterion.passed for criterion in criteria}
    if False in verdicts:
        return Grade.BAD
    return Grade.USABLE if None in verdicts else Grade.GOOD


def evaluate(subruns: Table, summary: Table, target: Target, limits: Selection) -> tuple[Criterion, ...]:
    """Evaluate every criterion for one run.

    Parameters
    ----------
    subruns
        Its rows of `cosmics_intensity_spectrum`, one per subrun.
    summary
        Its row of `runsummary`.
    """
    pointing = mean_pointing(subruns)
    rate = subruns["ZD_corrected_cosmics_rate_at_422_pe"]
    interleaved = np.nan_to_num([summary["num_flatfield"], summary["num_pedestals"]]).min()
    zenith = math.nan if pointing.zenith is None else pointing.zenith
    return (
        _above("interleaved", float(interleaved), 0),
        _inside("sky_region", separation_deg(pointing.ra, pointing.dec, target.ra, target.dec), limits.offset_deg),
        _below("pointing_stability", float(np.std(subruns["dec_tel"])), limits.max_pointing_spread_deg),
        _inside("zenith", zenith, limits.zenith_deg),
        _not_above("night_sky_background", _mean(subruns["diffuse_nsb_std"]), limits.max_nsb_std_pe),
        _above("fit_quality", fit_quality(subruns["intensity_spectrum_fit_p_value"]), limits.min_fit_quality),
        _not_above("periodogram", _periodogram_peak(subruns["time"], rate, limits), limits.max_periodogram),
        _inside("cosmics_index", _mean(subruns["ZD_corrected_cosmics_spectral_index"]), limits.index),
        _above("cosmics_rate", _mean(rate), limits.min_rate_at_422_pe),
        _above("cosmics_steadiness", steadiness(rate, limits.steadiness_window), limits.min_steadiness),
        _not_above("threshold", _mean(subruns["ZD_corrected_intensity_at_half_peak_rate"]), limits.max_threshold_pe),
    )


def fit_quality(p_values: Array) -> float:
    """Deviation of the mean p-value from that of uniform ones, in standard deviations of the mean."""
    return (_mean(p_values) - 0.5) * math.sqrt(12 * len(p_values))


def steadiness(rate: Array, window: float) -> float:
    """Largest fraction of the subruns whose rate lies within any interval of width `window`."""
    ordered = np.sort(rate[np.isfinite(rate)])
    if not len(ordered):
        return math.nan
    inside = np.searchsorted(ordered, ordered + window, side="right") - np.arange(len(ordered))
    return float(inside.max() / len(ordered))


def _periodogram_peak(time: Array, rate: Array, limits: Selection) -> float:
    """Maximum of the normalised Lomb-Scargle periodogram; not computed when nobody asks for it."""
    known = np.isfinite(rate)
    if limits.max_periodogram is None or known.sum() < 3 or np.ptp(rate[known]) == 0:
        return math.nan
    deviation = rate[known] - rate[known].mean()
    return float(lombscargle(time[known] - time[known][0], deviation, PERIODOGRAM_FREQUENCIES, normalize=True).max())


def _mean(values: Array) -> float:
    """Mean without NaN; NaN if there is nothing else."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _circular_mean_deg(angles: Array) -> float:
    phase = np.exp(1j * np.radians(angles[np.isfinite(angles)])).mean()
    return float(np.degrees(np.angle(phase)) % 360)


def _criterion(name: str, value: float, passed: bool, limit: str) -> Criterion:
    known = math.isfinite(value)
    return Criterion(name=name, passed=bool(passed) if known else None, value=value if known else None, limit=limit)


def _inside(name: str, value: float, limits: Interval) -> Criterion:
    return _criterion(name, value, value in limits, f"between {limits.low:g} and {limits.high:g}")


def _above(name: str, value: float, limit: float) -> Criterion:
    return _criterion(name, value, value > limit, f"above {limit:g}")


def _below(name: str, value: float, limit: float) -> Criterion:
    return _criterion(name, value, value < limit, f"below {limit:g}")


def _not_above(name: str, value: float, limit: float | None) -> Criterion:
    """An optional upper limit: without one, the value only informs."""
    if limit is None:
        known = value if math.isfinite(value) else None
        return Criterion(name=name, passed=True, value=known, limit="none")
    return _criterion(name, value, not value > limit, f"not above {limit:g}")
