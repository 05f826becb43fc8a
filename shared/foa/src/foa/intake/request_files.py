"""Read request files and profiles, as people write them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from foa.errors import FoaError
from foa.intake.targets import read_target
from foa.site import Site
from foa.yaml_models import read_yaml, validate
from foa_stage.manifests import Interval, Profile, Request, Selection, Setting, Target

Range = tuple[float, float]
RunNumber = Annotated[int, Field(strict=True, gt=0, lt=10**8)]
MAX_NIGHTS = 3660
"""Ten years: files of every night are looked for."""


def _read_night(night: Any) -> Any:
    """Read 20241205 as a date, and refuse other numbers: pydantic takes them for Unix times."""
    if isinstance(night, date) or not isinstance(night, int | float | str):
        return night
    spelled = str(night)
    if re.fullmatch(r"\d{8}", spelled, re.ASCII):
        return f"{spelled[:4]}-{spelled[4:6]}-{spelled[6:]}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", spelled, re.ASCII):
        raise ValueError(f"must be a date such as 2024-12-05, not {spelled[:40]!r}")
    return night


Night = Annotated[
    date,
    BeforeValidator(_read_night),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date"},
                {"type": "integer", "minimum": 19000101, "maximum": 99991231},
            ]
        }
    ),
]
"""Date of an evening, which may be spelled as directories do."""


class RequestFile(Setting):
    """A request file."""

    target: Target | str = Field(
        description="a known name, a position (ICRS), or name, ra and dec in degrees (ICRS)"
    )
    nights: Night | tuple[Night, Night] = Field(
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


def read_request(path: Path, site: Site) -> Request:
    """Read a request file; nothing is left to look up in the result.

    Raises
    ------
    FoaError
        If anything in it is missing, unknown or of the wrong kind.
    """
    file = validate(RequestFile, read_yaml(path), path)
    first, last = file.first_and_last
    with _within(path):
        profile = read_profile(file.profile, path.parent)
        target = read_target(file.target) if isinstance(file.target, str) else file.target
    content = {
        "target": target,
        "first_night": first,
        "last_night": last,
        "obs_ids": file.runs,
        "archive": site.archive,
        "profile": profile.model_copy(update={"selection": _narrow(profile.selection, file, path)}),
    }
    return validate(Request, content, path)


@contextmanager
def _within(path: Path) -> Iterator[None]:
    """Let errors name the file that they come from."""
    try:
        yield
    except FoaError as error:
        raise FoaError(f"{path}: {error}") from error


def _narrow(selection: Selection, file: RequestFile, path: Path) -> Selection:
    """Return the profile's selection with the request's own ranges."""
    given = {
        f"{name}_deg": validate(Interval, {"low": low, "high": high}, f"{path}: {name}")
        for name, (low, high) in _ranges(file)
    }
    return selection.model_copy(update=given)


def _ranges(file: RequestFile) -> list[tuple[str, Range]]:
    ranges = {"zenith": file.zenith, "offset": file.offset}
    return [(name, pair) for name, pair in ranges.items() if pair]


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
    path = base / name
    return validate(Profile, read_yaml(path), path)
