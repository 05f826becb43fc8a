"""The choice of production, NSB level and declination line: LSTOSA's rule, as pure functions."""

import re
from collections.abc import Collection, Mapping

SITE_LATITUDE_DEG = 28.76
"""LSTOSA's value."""
PICTURE_THRESHOLDS = {
    0.0: 8,
    0.07: 8,
    0.14: 8,
    0.22: 8,
    0.38: 10,
    0.5: 10,
    0.81: 12,
    1.25: 14,
    1.76: 16,
    2.34: 18,
}
"""Picture threshold (p.e.) of the cleaning by NSB level (p.e./ns).

Source: AllSky NSB grid of 20240918 (lstmcpipe).
"""


def line_declination(name: str) -> float:
    """Return a line's declination in degrees: `dec_2276` is +22.76, `dec_min_413` is −4.13."""
    match = re.fullmatch(r"dec_(min_)?(\d+)", name)
    if not match:
        raise ValueError(f"{name} is not the name of a declination line")
    return (-1 if match[1] else 1) * int(match[2]) / 100


def choose_line(names: Collection[str], pointing_dec: float) -> str:
    """Return the line closest in declination whose MC covers the pointing's lowest zeniths.

    Unless the pointing lies between the two lines nearest to the site's latitude, a line that
    culminates farther from zenith than the pointing is passed over.

    Parameters
    ----------
    names
        Names of the installed lines.
    pointing_dec
        Declination of the pointing in degrees.
    """
    declinations = {name: line_declination(name) for name in names}
    by_distance = sorted(names, key=lambda name: (abs(declinations[name] - pointing_dec), name))
    by_culmination = sorted(declinations.values(), key=_culmination)
    around = sorted(by_culmination[:2])
    if around[0] <= pointing_dec <= around[-1]:
        return by_distance[0]
    lowest = _culmination(pointing_dec)
    covering = [name for name in by_distance if _culmination(declinations[name]) <= lowest]
    return covering[0] if covering else by_distance[0]


def _culmination(declination: float) -> float:
    """Return the zenith angle of culmination in degrees."""
    return abs(SITE_LATITUDE_DEG - declination)


def choose_nsb_level(levels: Mapping[float, str], rate: float, picture_threshold: int) -> float:
    """Return the closest of the installed levels with the run's cleaning.

    Parameters
    ----------
    levels
        Installed productions by NSB level in p.e./ns.
    rate
        The run's additional NSB in p.e./ns.
    picture_threshold
        Picture threshold of the run's cleaning in p.e..

    Raises
    ------
    ValueError
        If the rate is negative, or no level has this cleaning.
    """
    if rate < 0:
        raise ValueError(f"additional NSB rate {rate} p.e./ns is negative")
    matching = [level for level in levels if PICTURE_THRESHOLDS.get(level) == picture_threshold]
    if not matching:
        known = ", ".join(f"{level:g}" for level in sorted(levels)) or "none"
        cleaning = f"a picture threshold of {picture_threshold} p.e."
        raise ValueError(f"no models for {cleaning} (NSB levels installed: {known})")
    return min(matching, key=lambda level: (abs(level - rate), level))


def parse_nsb_rate(log: str) -> float:
    """Read the rate in p.e./ns from a log of lstchain_find_tailcuts.

    Raises
    ------
    ValueError
        If the log does not state it.
    """
    match = re.search(r"Additional NSB rate \(over dark MC\):\s*(-?[\d.]+)", log)
    if not match:
        raise ValueError("does not state the additional NSB rate")
    return float(match[1])


def parse_picture_threshold(dl1_directory: str) -> int:
    """Read the picture threshold (p.e.) from the name of a DL1 directory.

    It is 8 for `tailcut84`, and 10 for `tailcut105`.
    """
    match = re.search(r"tailcut(\d+)$", dl1_directory)
    if not match:
        raise ValueError(f"{dl1_directory} does not name its cleaning (tailcut84, tailcut105 …)")
    digits = match[1]
    return int(digits[: len(digits) // 2 + len(digits) % 2])
