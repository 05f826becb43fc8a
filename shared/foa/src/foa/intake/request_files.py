"""Read request files and profiles, as people write them."""

import re
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from foa.errors import FoaError
from foa.intake.targets import find_target
from foa.site import Site
from foa.yaml_models import read_yaml, validate
from foa_stage.manifests import Interval, Profile, Request, Selection, Setting, Target

Range = tuple[float, float]
RunNumber = Annotated[int, Field(strict=True, gt=0)]
MAX_NIGHTS = 3660
"""Ten years: files of every night are looked for."""


class RequestFile(Setting):
    """A request file."""

    target: Target | str = Field(description="a known name, or name, ra and dec in degrees (ICRS)")
    nights: date | tuple[date, date] = Field(
        description="date of the evening of one night, or of the first and the last night"
    )
    zenith: Range | None = Field(default=None, description="range in degrees for a run to be good")
    offset: Range | None = Field(default=None, description="range in degrees for a run to be good")
    runs: tuple[RunNumber, ...] | None = Field(default=None, description="only these runs")
    profile: str = Field(
        default="quick-look", description="name of a shipped profile, or path of a file"
    )

    @property
    def first_and_last(self) -> tuple[date, date]:
        """Return the first and the last night."""
        return self.nights if isinstance(self.nights, tuple) else (self.nights, self.nights)

    @field_validator("nights", mode="before")
    @classmethod
    def _as_directories_spell_it(cls, nights: Any) -> Any:
        """Read nights as directories spell them, too: 20241205."""
        if isinstance(nights, list | tuple):
            return tuple(map(_read_night, nights))
        return _read_night(nights)

    @field_validator("nights")
    @classmethod
    def _not_endless(cls, nights: date | tuple[date, date]) -> date | tuple[date, date]:
        if isinstance(nights, tuple) and (nights[1] - nights[0]).days >= MAX_NIGHTS:
            raise ValueError(f"more than {MAX_NIGHTS} nights")
        return nights

    @field_validator("runs")
    @classmethod
    def _each_once(cls, runs: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if repeated := sorted({run for run in runs or () if (runs or ()).count(run) > 1}):
            raise ValueError(f"named more than once: {', '.join(map(str, repeated))}")
        return runs


def _read_night(night: Any) -> Any:
    """Read 20241205 as a date; anything else is left to the model."""
    spelled = str(night)
    if re.fullmatch(r"\d{8}", spelled):
        return f"{spelled[:4]}-{spelled[4:6]}-{spelled[6:]}"
    return night


def read_request(path: Path, site: Site) -> Request:
    """Read a request file; nothing is left to look up in the result.

    Raises
    ------
    FoaError
        If anything in it is missing, unknown or of the wrong kind.
    """
    file = validate(RequestFile, read_yaml(path), path)
    first, last = file.first_and_last
    target = find_target(file.target) if isinstance(file.target, str) else file.target
    profile = read_profile(file.profile, path.parent)
    selection = _narrowed(profile.selection, file)
    content = {
        "target": target,
        "first_night": first,
        "last_night": last,
        "obs_ids": file.runs,
        "archive": site.archive,
        "profile": profile.model_copy(update={"selection": selection}),
    }
    return validate(Request, content, path)


def _narrowed(selection: Selection, file: RequestFile) -> Selection:
    """Return the profile's selection with the request's own ranges."""
    own = {"zenith_deg": file.zenith, "offset_deg": file.offset}
    given = {name: _interval(name, pair) for name, pair in own.items() if pair}
    return selection.model_copy(update=given)


def _interval(name: str, pair: Range) -> Interval:
    return validate(Interval, dict(zip(("low", "high"), pair, strict=True)), name)


def read_profile(name: str, base: Path) -> Profile:
    """Read a shipped profile by name, or one from a file relative to `base`.

    Raises
    ------
    FoaError
        If there is none of this name, or it is not valid.
    """
    directory = resources.files("foa.intake").joinpath("profiles")
    shipped = {path.name.removesuffix(".yaml"): path for path in directory.iterdir()}
    if name in shipped:
        return validate(Profile, read_yaml(Path(str(shipped[name]))), name)
    if not name.endswith((".yaml", ".yml")):
        known = ", ".join(sorted(shipped))
        raise FoaError(f"unknown profile {name!r}: known are {known}, or give the path of a file")
    return validate(Profile, read_yaml(base / name), name)
