"""Choice of production, NSB level and declination line: LSTOSA's rule, as pure functions."""

import re
from collections.abc import Collection, Mapping

SITE_LATITUDE_DEG = 28.76
"""As LSTOSA has it."""

PICTURE_THRESHOLDS = {
    0.0: 8, 0.07: 8, 0.14: 8, 0.22: 8, 0.38: 10, 0.50: 10, 0.81: 12, 1.25: 14, 1.76: 16, 2.34: 18,
}  # fmt: skip
"""Picture threshold (p.e.) of the cleaning of every NSB level (p.e./ns): AllSky NSB grid of 20240918 (lstmcpipe)."""


def line_declination(name: str) -> float:
    """Declination in degrees: `dec_2276` is +22.76, `dec_min_413` is −4.13."""
    match = re.fullmatch(r"dec_(min_)?(\d+)", name)
    if not match:
        raise ValueError(f"{name} is not the name of a declination line")
    return (-1 if match[1] else 1) * int(match[2]) / 100


def choose_line(names: Collection[str], pointing_dec: float) -> str:
    """The line closest to the pointing's declination whose MC covers the pointing's lowest zeniths.

    Unless the pointing lies between the two lines nearest to the site's latitude, a line that culminates farther from
    zenith than the pointing is passed over.
    """
    declinations = {name: line_declination(name) for name in names}
    by_distance = sorted(names, key=lambda name: (abs(declinations[name] - pointing_dec), name))
    around = sorted(sorted(declinations.values(), key=lambda dec: abs(dec - SITE_LATITUDE_DEG))[:2])
    if around[0] <= pointing_dec <= around[-1]:
        return by_distance[0]
    culmination = abs(SITE_LATITUDE_DEG - pointing_dec)
    covering = [name for name in by_distance if abs(SITE_LATITUDE_DEG - declinations[name]) <= culmination]
    return covering[0] if covering else by_distance[0]


def choose_nsb_level(levels: Mapping[float, str], rate: float, picture_threshold: int) -> float:
    """The closest of the installed levels with the run's cleaning.

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
        raise ValueError(
            f"no models for a picture threshold of {picture_threshold} p.e. (NSB levels installed: {known})"
        )
    return min(matching, key=lambda level: (abs(level - rate), level))


def parse_nsb_rate(log: str) -> float:
    """The rate that lstchain_find_tailcuts found, in p.e./ns.

    Raises
    ------
    ValueError
        If the log does not say.
    """
    match = re.search(r"Additional NSB rate \(over dark MC\):\s*(-?[\d.]+)", log)
    if not match:
        raise ValueError("does not state the additional NSB rate")
    return float(match[1])


def parse_picture_threshold(dl1_directory: str) -> int:
    """Picture threshold of the cleaning in the name of a DL1 directory: 8 for `tailcut84`, 10 for `tailcut105`."""
    match = re.search(r"tailcut(\d+)$", dl1_directory)
    if not match:
        raise ValueError(f"{dl1_directory} does not name its cleaning (tailcut84, tailcut105 …)")
    digits = match[1]
    return int(digits[: len(digits) // 2 + len(digits) % 2])
