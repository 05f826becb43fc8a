"""Names of targets, and positions as people type them."""

import difflib
import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from foa.errors import FoaError
from foa.yaml_models import validate
from foa_stage.manifests import Target

POSITION = re.compile(r"(?=.*\d)[\d\s.,:+−hmsd°'\"′″-]+", re.ASCII)
"""Characters of a position."""
SIMILARITY = 0.65
"""At least, of letters and of digits, for a name to be suggested."""
EXAMPLES = '"83.63,22.01" or "05h34m31.9s +22d00m52s"'


def read_target(text: str) -> Target:
    """Read a name of the shipped list, or a position (ICRS).

    A position is right ascension and declination: two numbers in degrees, or hours and degrees
    with minutes and seconds.

    Raises
    ------
    FoaError
        If it is neither; names the closest names.
    """
    known = _known().get(_simplify(text))
    if known:
        return known
    if not POSITION.fullmatch(text):
        raise FoaError(_advise(text))
    ra, dec = _read_position(text)
    return validate(Target, {"name": f"{ra:g}{dec:+g}", "ra": ra, "dec": dec}, repr(text))


@cache
def _known() -> Mapping[str, Target]:
    """Return every target of the shipped list, by each of its names as they are compared."""
    listed = yaml.safe_load(resources.files("foa.intake").joinpath("targets.yaml").read_text())
    return {
        _simplify(spelling): Target(name=name, ra=entry["ra"], dec=entry["dec"])
        for name, entry in listed.items()
        for spelling in (name, *entry.get("also", ()))
    }


def _simplify(name: str) -> str:
    """Return a name as it is compared: without spaces, case and punctuation."""
    return "".join(filter(str.isalnum, name.casefold()))


def _read_position(text: str) -> tuple[float, float]:
    """Return right ascension and declination in degrees."""
    words = text.replace(",", " ").replace("−", "-").split()
    try:
        ra, dec = map(float, words)
    except ValueError:
        return _read_sexagesimal(" ".join(words))
    return ra, dec


def _read_sexagesimal(text: str) -> tuple[float, float]:
    from astropy.coordinates import SkyCoord  # takes a second

    try:
        with warnings.catch_warnings(action="error"):  # astropy warns of 60 seconds
            position: Any = SkyCoord(text, unit=("hourangle", "deg"), frame="icrs")
    except Exception as error:  # astropy raises many kinds
        raise FoaError(f"{text!r} is no position: give it as {EXAMPLES}") from error
    return float(position.ra.deg), float(position.dec.deg)


def _advise(name: str) -> str:
    close = ", ".join(_close_names(_simplify(name)))
    hint = f"did you mean {close}? Otherwise give" if close else "give"
    return f"unknown target {name!r}: {hint} its position (ICRS) such as {EXAMPLES}"


def _close_names(wanted: str) -> list[str]:
    """Return names of the list that may have been meant, the closest first."""
    ratings = {target.name: 0.0 for target in _known().values()}
    for spelling, target in _known().items():
        ratings[target.name] = max(ratings[target.name], _similarity(wanted, spelling))
    close = (name for name, rating in ratings.items() if rating >= SIMILARITY)
    return sorted(close, key=lambda name: -ratings[name])[:3]


def _similarity(one: str, other: str) -> float:
    """Compare letters and digits apart: OJ 287 resembles M 87 in digits only."""
    pairs = zip(_letters_and_digits(one), _letters_and_digits(other), strict=True)
    return min(difflib.SequenceMatcher(a=a, b=b).ratio() for a, b in pairs)


def _letters_and_digits(name: str) -> Iterator[str]:
    yield "".join(one for one in name if not one.isdigit())
    yield "".join(filter(str.isdigit, name))
