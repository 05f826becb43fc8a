"""Names of targets and their positions."""

import difflib
from importlib import resources

import yaml

from foa.errors import FoaError
from foa.yaml_models import validate
from foa_stage.manifests import Target

ALIASES = {
    "crab nebula": "crab",
    "mrk421": "mrk 421",
    "mrk501": "mrk 501",
    "m87": "m 87",
    "bllac": "bl lac",
}


def find_target(name: str) -> Target:
    """Look a target up in the shipped list, whatever its capitals.

    Raises
    ------
    FoaError
        If the name is not in the list; names the closest that are.
    """
    known = yaml.safe_load(resources.files("foa.intake").joinpath("targets.yaml").read_text())
    by_name = {key.lower(): (key, *position) for key, position in known.items()}
    wanted = ALIASES.get(name.lower(), name.lower())
    if wanted not in by_name:
        raise FoaError(_advise(name, [by_name[key][0] for key in _closest(wanted, by_name)]))
    key, ra, dec = by_name[wanted]
    return Target(name=key, ra=ra, dec=dec)


def read_target(text: str) -> Target:
    """Read a target as people type it: a name of the list, or `RA,DEC` in degrees (ICRS)."""
    parts = text.split(",")
    if len(parts) != 2:
        return find_target(text)
    try:
        ra, dec = map(float, parts)
    except ValueError as error:
        raise FoaError(f"{text!r} is neither a known name nor RA,DEC in degrees") from error
    return validate(Target, {"name": f"{ra:g}{dec:+g}", "ra": ra, "dec": dec}, text)


def _closest(wanted: str, known: dict[str, tuple[str, float, float]]) -> list[str]:
    return difflib.get_close_matches(wanted, known, n=3)


def _advise(name: str, close: list[str]) -> str:
    hint = f"did you mean {', '.join(close)}? Otherwise give" if close else "give"
    return f"unknown target {name!r}: {hint} its position as ra and dec in degrees (ICRS)"
