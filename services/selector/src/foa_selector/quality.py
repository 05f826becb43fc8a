"""Run quality: criteria of lstchain's data-quality notebook (July 2026), as functions of tables."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from foa_stage.manifests import Criterion, Grade, Interval, Pointing, Selection, Target

Table = NDArray[np.void]
Array = NDArray[np.float64]

PERIODOGRAM_FREQUENCIES = np.geomspace(1e-3, 1e-1, 200)
"""Frequencies in rad/s."""


def mean_pointing(subruns: Table) -> Pointing:
    """Return the mean pointing of a run's subruns: circular means of ra and azimuth."""
    return Pointing(
        ra=_circular_mean_deg(subruns["ra_tel"]),
        dec=_mean(subruns["dec_tel"]),
        zenith=math.degrees(math.acos(_mean(subruns["cos_zenith"]))),
        azimuth=_circular_mean_deg(np.degrees(subruns["az_tel"])),
    )


def separation_deg(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Return the angle between two directions, all in degrees.

    The haversine formula is exact for small angles too.
    """
    ra1, dec1, ra2, dec2 = np.radians([ra1, dec1, ra2, dec2])
    across = math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    haversine = math.sin((dec2 - dec1) / 2) ** 2 + across
    return math.degrees(2 * math.asin(math.sqrt(haversine)))


def grade_of(criteria: Iterable[Criterion]) -> Grade:
    """Grade a run: bad if a criterion fails, usable if some could not be evaluated, else good."""
    verdicts = {criterion.passed for criterion in criteria}
    if False in verdicts:
        return Grade.BAD
    return Grade.USABLE if None in verdicts else Grade.GOOD


def evaluate(
    subruns: Table, summary: Table, target: Target, limits: Selection
) -> tuple[Criterion, ...]:
    """Evaluate every criterion for one run.

    Parameters
    ----------
    subruns
        Its rows of `cosmics_intensity_spectrum`, one per subrun.
    summary
        Its row of `runsummary`.
    target
        Target of the request, from which the wobble offset is measured.
    limits
        Limits of the profile.
    """
    return (
        *_observation_criteria(subruns, summary, target, limits),
        *_sky_criteria(subruns, limits),
        *_cosmics_criteria(subruns, limits),
    )


def _observation_criteria(
    subruns: Table, summary: Table, target: Target, limits: Selection
) -> tuple[Criterion, ...]:
    """Evaluate how the telescope observed."""
    pointing = mean_pointing(subruns)
    offset = separation_deg(pointing.ra, pointing.dec, target.ra, target.dec)
    interleaved = np.nan_to_num([summary["num_flatfield"], summary["num_pedestals"]]).min()
    spread = float(np.std(subruns["dec_tel"]))
    zenith = math.nan if pointing.zenith is None else pointing.zenith
    return (
        _above("interleaved", float(interleaved), 0),
        _inside("wobble_offset", offset, limits.offset_deg),
        _below("pointing_stability", spread, limits.max_pointing_spread_deg),
        _inside("zenith", zenith, limits.zenith_deg),
    )


def _sky_criteria(subruns: Table, limits: Selection) -> tuple[Criterion, ...]:
    """Evaluate the night sky, and how the fits and rates of the subruns scatter."""
    quality = fit_quality(subruns["intensity_spectrum_fit_p_value"])
    return (
        _not_above(
            "night_sky_background", _mean(subruns["diffuse_nsb_std"]), limits.max_nsb_std_pe
        ),
        _above("fit_quality", quality, limits.min_fit_quality),
        _not_above("periodogram", _periodogram_peak(subruns, limits), limits.max_periodogram),
    )


def _cosmics_criteria(subruns: Table, limits: Selection) -> tuple[Criterion, ...]:
    """Evaluate the intensity spectrum of cosmic rays, corrected to zenith."""
    rate = subruns["ZD_corrected_cosmics_rate_at_422_pe"]
    index = _mean(subruns["ZD_corrected_cosmics_spectral_index"])
    steady = steadiness(rate, limits.steadiness_window)
    threshold = _mean(subruns["ZD_corrected_intensity_at_half_peak_rate"])
    return (
        _inside("cosmics_index", index, limits.index),
        _above("cosmics_rate", _mean(rate), limits.min_rate_at_422_pe),
        _above("cosmics_steadiness", steady, limits.min_steadiness),
        _not_above("threshold", threshold, limits.max_threshold_pe),
    )


def fit_quality(p_values: Array) -> float:
    """Return the deviation of the mean p-value from 0.5 in its standard deviations.

    The standard deviation is that of a mean of p-values which are uniform from 0 to 1.
    """
    return (_mean(p_values) - 0.5) * math.sqrt(12 * len(p_values))


def steadiness(rate: Array, window: float) -> float:
    """Return the largest fraction of the subruns whose rates fit in an interval of this width."""
    ordered = np.sort(rate[np.isfinite(rate)])
    if not len(ordered):
        return math.nan
    end = np.searchsorted(ordered, ordered + window, side="right")
    inside = end - np.arange(len(ordered))
    return float(inside.max() / len(ordered))


def _periodogram_peak(subruns: Table, limits: Selection) -> float:
    """Return the maximum of the normalised Lomb-Scargle periodogram of the rates.

    NaN if it has no limit, or there are too few rates, or they are all equal.
    """
    time, rate = subruns["time"], subruns["ZD_corrected_cosmics_rate_at_422_pe"]
    known = np.isfinite(rate)
    if limits.max_periodogram is None or known.sum() < 3 or np.ptp(rate[known]) == 0:
        return math.nan
    from scipy.signal import lombscargle  # takes half a second, and most profiles set no limit

    deviation = rate[known] - rate[known].mean()
    elapsed = time[known] - time[known][0]
    power = lombscargle(elapsed, deviation, PERIODOGRAM_FREQUENCIES, normalize=True)
    return float(power.max())


def _mean(values: Array) -> float:
    """Return the mean of the finite values; NaN if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _circular_mean_deg(angles: Array) -> float:
    phase = np.exp(1j * np.radians(angles[np.isfinite(angles)])).mean()
    return float(np.degrees(np.angle(phase)) % 360)


def _criterion(name: str, value: float, passed: bool, limit: str) -> Criterion:
    if not math.isfinite(value):
        return Criterion(name=name, passed=None, value=None, limit=limit)
    return Criterion(name=name, passed=bool(passed), value=value, limit=limit)


def _inside(name: str, value: float, limits: Interval) -> Criterion:
    limit = f"between {limits.low:g} and {limits.high:g}"
    return _criterion(name, value, value in limits, limit)


def _above(name: str, value: float, limit: float) -> Criterion:
    return _criterion(name, value, value > limit, f"above {limit:g}")


def _below(name: str, value: float, limit: float) -> Criterion:
    return _criterion(name, value, value < limit, f"below {limit:g}")


def _not_above(name: str, value: float, limit: float | None) -> Criterion:
    """Apply an optional upper limit: without one, the value only informs."""
    if limit is None:
        known = value if math.isfinite(value) else None
        return Criterion(name=name, passed=True, value=known, limit="none")
    return _criterion(name, value, not value > limit, f"not above {limit:g}")
