"""Fields that manifests share."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from foa_stage.manifests.canonical import IDENTITY, MAX_IDENTITY, Frozen, Identified
from foa_stage.manifests.request import Request

SchemaVersion = Literal[1, 2, 3]
"""Versions that are read: 1 stored no identities, 1 and 2 had no generations."""
SCHEMA_VERSION: SchemaVersion = 3
"""The version that is written."""
ResultsPhase = Literal["first-look", "final"]
"""Of an analysis: of the first run that is through, or of all."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Whatever claims to be said before it, or 200 years after it, was not."""
MAX_RUN = 10**9
"""Larger than any run number."""
MAX_TEXT = 16 << 10
"""Characters of a reason or a log in a manifest: a message has to stay small."""


def shorten(text: Any) -> Any:
    """Leave the middle of a long text out."""
    if not isinstance(text, str) or len(text) <= MAX_TEXT:
        return text
    half = MAX_TEXT // 2 - 50  # with the remark, it is short enough to stay as it is
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


ShortText = Annotated[str, BeforeValidator(shorten)]


class ManifestRejected(ValueError):
    """The message is no manifest of a kind and version known here."""


class ManifestBase(Identified):
    """What all manifests about a request have."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    request: Request


class Said(Frozen):
    """The person, or the program, that a manifest comes from."""

    who: str = Field(max_length=80)
    when: AwareDatetime = Field(ge=EPOCH, le=EPOCH.replace(year=2200))
    why: ShortText = ""


class FollowingBase(ManifestBase):
    """What manifests that follow from a submission have."""

    generation: str = Field(
        default="",
        pattern=IDENTITY,
        max_length=MAX_IDENTITY,
        description="id of the submission that this follows from; empty until version 2",
    )


class RunBase(FollowingBase):
    """What manifests about one run have."""

    obs_id: int = Field(ge=0, le=MAX_RUN)
    n_runs: int = Field(ge=1, le=MAX_RUN, description="number of runs that the selection found")

    @classmethod
    def upgrade(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Replace the list of all runs, which documents held until version 2, by their number."""
        kept = {name: value for name, value in content.items() if name != "obs_ids"}
        obs_ids = content.get("obs_ids")
        return kept | {"n_runs": len(obs_ids)} if isinstance(obs_ids, list) else content
