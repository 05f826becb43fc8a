"""Names of targets and their positions."""

import difflib
from importlib import resources

import yaml

from foa.errors import FoaError
from foa.manifests import Target

ALIASES = {"crab nebula": "crab", "mrk421": "mrk 421", "mrk501": "mrk 501", "m87": "m 87", "bllac": "bl lac"}


def find_target(name: str) -> Target:
    """Look a target up in the shipped list, whatever its capitals.

    Raises
    ------
    FoaError
        If the name is not in the list; names the closest that are.
    """
    known = yaml.safe_load(resources.files("foa").joinpath("targets.yaml").read_text())
    by_name = {key.lower(): (key, *position) for key, position in known.items()}
    wanted = ALIASES.get(name.lower(), name.lower())
    if wanted not in by_name:
        close = ", ".join(by_name[key][0] for key in difflib.get_close_matches(wanted, by_name, n=3))
        hint = f"did you mean {close}? Otherwise give" if close else "give"
        raise FoaError(f"unknown target {name!r}: {hint} its position as ra and dec in degrees (ICRS)")
    key, ra, dec = by_name[wanted]
    return Target(name=key, ra=ra, dec=dec)
