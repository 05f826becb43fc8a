"""A request: a target, nights, a profile; and where the archive keeps its files."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from foa_stage.manifests.canonical import Frozen, Identified, Setting, digest
from foa_stage.manifests.profile import Profile


class Target(Setting):
    """A position on the sky (ICRS, deg) and its name."""

    name: str = Field(min_length=1, max_length=80)
    ra: float = Field(ge=0, lt=360)
    dec: float = Field(ge=-90, le=90)


class Archive(Frozen):
    """Templates of the paths of everything FOA reads; `{night}` is YYYYMMDD, `*` matches versions.

    Where several files match, the one of the highest version counts: v0.10 is newer than v0.9.
    """

    run_summary: str
    run_catalog: str
    datacheck: str
    dl1: str
    tailcuts: str
    models: str = Field(description="directory of the productions")
    production: str = Field(description="prefix of the productions' names, up to the NSB level")
    test_dl2: str = Field(description="test MC DL2 files of all nodes of a {production} and {line}")


class Request(Identified):
    """One analysis request, resolved: nothing in it needs to be looked up."""

    target: Target
    first_night: date
    last_night: date
    obs_ids: tuple[int, ...] | None = Field(
        default=None, description="only these runs; None: every run of the target"
    )
    profile: Profile
    archive: Archive

    @classmethod
    def identify(cls, content: Mapping[str, Any]) -> str:
        """Make a readable name: target, first night, and the digest of the content."""
        lower = str(content["target"]["name"]).lower()
        name = re.sub(r"[^a-z0-9]+", "-", lower).strip("-")[:30] or "target"
        night = str(content["first_night"]).replace("-", "")
        return f"{name}-{night}-{digest(dict(content))[:8]}"

    @property
    def subject(self) -> str:
        """Return target and first night as they begin the id."""
        return self.id.rpartition("-")[0]

    def asks_the_same(self, other: "Request") -> bool:
        """Tell whether two requests ask for the same, whatever their ids."""
        return self == other.model_copy(update={"id": self.id})

    @model_validator(mode="after")
    def _nights_ordered(self) -> Self:
        if self.first_night > self.last_night:
            raise ValueError(
                f"first night {self.first_night} is after last night {self.last_night}"
            )
        return self

    @field_validator("obs_ids")
    @classmethod
    def _some(cls, obs_ids: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if obs_ids == ():
            raise ValueError("an empty list of runs; leave it out to take every run of the target")
        return obs_ids
