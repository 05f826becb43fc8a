"""From a request file to a request in which nothing is left to look up."""

from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from foa.archive import fingerprint
from foa.documents import read_yaml, validate
from foa.errors import FoaError
from foa.manifests import Frozen, Interval, Profile, Request, RequestSubmitted, Selection, Target
from foa.site import Site
from foa.targets import find_target


class Asked(Frozen):
    """A request file."""

    target: Target | str = Field(description="a known name, or name, ra and dec in degrees (ICRS)")
    nights: tuple[date, date] = Field(description="first and last night (dates of the evenings), or one night")
    zenith: tuple[float, float] | None = Field(default=None, description="range in degrees for a run to be good")
    offset: tuple[float, float] | None = Field(default=None, description="range in degrees for a run to be good")
    runs: tuple[int, ...] | None = Field(default=None, description="only these runs")
    profile: str = Field(default="quick-look", description="name of a shipped profile, or path of a file")

    @field_validator("nights", mode="before")
    @classmethod
    def _one_or_two(cls, nights: Any) -> Any:
        return nights if isinstance(nights, list | tuple) else (nights, nights)


def read_request(path: Path, site: Site) -> Request:
    """Read a request file.

    Raises
    ------
    FoaError
        If anything in it is missing, unknown or of the wrong kind.
    """
    asked = validate(Asked, read_yaml(path), path)
    profile = read_profile(asked.profile, path.parent)
    first, last = asked.nights
    content = {
        "target": find_target(asked.target) if isinstance(asked.target, str) else asked.target, "first_night": first,
        "last_night": last, "obs_ids": asked.runs, "archive": site.archive,
        "profile": profile.model_copy(update={"selection": _narrowed(profile.selection, asked)}),
    }  # fmt: skip
    return validate(Request, content, path)


def _narrowed(selection: Selection, asked: Asked) -> Selection:
    """The profile's selection with the request's own ranges."""
    own = {"zenith_deg": asked.zenith, "offset_deg": asked.offset}
    given = {
        name: validate(Interval, dict(zip(("low", "high"), pair, strict=True)), name)
        for name, pair in own.items()
        if pair
    }
    return selection.model_copy(update=given)


def read_profile(name: str, base: Path) -> Profile:
    """A shipped profile by name, or one from a file.

    Raises
    ------
    FoaError
        If there is none of this name, or it is not valid.
    """
    shipped = {path.name.removesuffix(".yaml"): path for path in resources.files("foa").joinpath("profiles").iterdir()}
    if name in shipped:
        return validate(Profile, read_yaml(Path(str(shipped[name]))), name)
    if not name.endswith((".yaml", ".yml")):
        raise FoaError(f"unknown profile {name!r}: known are {', '.join(sorted(shipped))}, or give the path of a file")
    return validate(Profile, read_yaml(base / name), name)


def submission(request: Request) -> RequestSubmitted:
    """The manifest that starts everything; new files in the archive make it a new one."""
    inputs = fingerprint(request.archive, request.first_night, request.last_night)
    return RequestSubmitted(request=request, inputs=inputs)
