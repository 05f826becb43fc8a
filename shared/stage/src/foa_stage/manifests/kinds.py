"""The manifests: what the services tell each other."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from foa_stage.manifests.canonical import Identified, canonical_json
from foa_stage.manifests.files import Product
from foa_stage.manifests.request import Request
from foa_stage.manifests.run import Run

SchemaVersion = Literal[1, 2]
"""Versions that are read: 1 stored no identities."""
SCHEMA_VERSION: SchemaVersion = 2
"""The version that is written."""
ResultsPhase = Literal["first-look", "final"]
"""Of an analysis: of the first run that is through, or of all."""

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


class _Manifest(Identified):
    schema_version: SchemaVersion = SCHEMA_VERSION
    request: Request


class RequestSubmitted(_Manifest):
    """Somebody asked for an analysis."""

    kind: Literal["request.submitted"] = "request.submitted"
    inputs: str = Field(
        description="fingerprint of the archive's files for these nights: new files, new selection"
    )


class RequestFailed(_Manifest):
    """Nothing can be analysed, and why."""

    kind: Literal["request.failed"] = "request.failed"
    reason: ShortText


class _RunManifest(_Manifest):
    obs_id: int
    obs_ids: tuple[int, ...] = Field(description="all runs of this request")


class RunSelected(_RunManifest):
    """A run belongs to the request."""

    kind: Literal["run.selected"] = "run.selected"
    run: Run


class Dl2Ready(_RunManifest):
    """A run is reconstructed."""

    kind: Literal["dl2.ready"] = "dl2.ready"
    run: Run
    dl2: Product
    effective_s: float
    elapsed_s: float


class IrfReady(_RunManifest):
    """The IRFs of every node that serves this run exist."""

    kind: Literal["irf.ready"] = "irf.ready"
    run: Run
    irfs: tuple[Product, ...]


class Dl3Ready(_RunManifest):
    """A run's event list exists."""

    kind: Literal["dl3.ready"] = "dl3.ready"
    run: Run
    dl3: Product
    made_of: tuple[str, ...] = Field(description="sha256 of the DL2 file and of the IRFs used")
    irf_choice: str = Field(
        description="how its IRF was obtained: interpolated from which nodes, or nearest"
    )


class RunFailed(_RunManifest):
    """A run goes no further, and why."""

    kind: Literal["run.failed"] = "run.failed"
    stage: str
    reason: ShortText
    log_tail: ShortText = ""

    @classmethod
    def after(cls, manifest: _RunManifest, stage: str, reason: str, log_tail: str = "") -> Self:
        """Say that the run of `manifest` failed in `stage`."""
        return cls(**about(manifest), stage=stage, reason=reason, log_tail=log_tail)


class AnalysisReady(_Manifest):
    """Results exist."""

    kind: Literal["analysis.ready"] = "analysis.ready"
    phase: ResultsPhase
    products: tuple[Product, ...]

    @property
    def directory(self) -> Path:
        """Return the directory where the results were made."""
        return self.products[0].path.parent


RunManifest = RunSelected | Dl2Ready | IrfReady | Dl3Ready | RunFailed
"""Manifests that speak of one run."""
Manifest = RequestSubmitted | RequestFailed | AnalysisReady | RunManifest
KINDS: dict[str, type[Manifest]] = {
    model.model_fields["kind"].default: model for model in get_args(Manifest)
}
_ANY: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="kind")])


def kind_of(model: type[BaseModel]) -> str:
    """Return the kind that manifests of this type carry: the routing key of their messages."""
    return str(model.model_fields["kind"].default)


def about(manifest: _RunManifest) -> dict[str, Any]:
    """Return the fields that manifests about the same run share."""
    names = ("request", "obs_id", "obs_ids")
    return {name: getattr(manifest, name) for name in names}


def obs_id_of(manifest: Manifest) -> int:
    """Return the run that a manifest speaks of; 0 where it speaks of the whole request."""
    return int(getattr(manifest, "obs_id", 0))


def write_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as canonical JSON."""
    return canonical_json(manifest)


def read_manifest(content: bytes) -> Manifest:
    """Validate a message.

    Raises
    ------
    ManifestRejected
        If it is not valid JSON, or of an unknown kind or schema version, or misses or adds a field.
    """
    try:
        return _ANY.validate_json(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5]
        )
        raise ManifestRejected(
            f"not a manifest of schema version 1 to {SCHEMA_VERSION}: {faults}"
        ) from error
