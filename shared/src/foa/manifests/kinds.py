"""The manifests: what the services tell each other."""

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError

from foa.manifests.canonical import Frozen, canonical_json, digest
from foa.manifests.files import Product
from foa.manifests.request import Request
from foa.manifests.run import Run

SCHEMA_VERSION: Literal[1] = 1


class ManifestRejected(ValueError):
    """The message is no manifest of a kind and version known here."""


class _Manifest(Frozen):
    schema_version: Literal[1] = SCHEMA_VERSION
    request: Request

    @property
    def id(self) -> str:
        """Digest of the content: the same statement has the same id."""
        return digest(self)


class RequestSubmitted(_Manifest):
    """Somebody asked for an analysis."""

    kind: Literal["request.submitted"] = "request.submitted"
    inputs: str = Field(description="fingerprint of the archive's files for these nights: new files, new selection")


class RequestFailed(_Manifest):
    """Nothing can be analysed, and why."""

    kind: Literal["request.failed"] = "request.failed"
    reason: str


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
    made_of: tuple[str, ...] = Field(description="sha256 of the DL2 file and the IRFs it was made of")
    irf_choice: str = Field(description="how its IRF was obtained: interpolated from which nodes, or nearest")


class RunFailed(_RunManifest):
    """A run goes no further, and why."""

    kind: Literal["run.failed"] = "run.failed"
    stage: str
    reason: str
    log_tail: str = ""

    @classmethod
    def after(cls, manifest: _RunManifest, stage: str, reason: str, log_tail: str = "") -> Self:
        """The run of `manifest` failed in `stage`."""
        return cls(
            request=manifest.request, obs_id=manifest.obs_id, obs_ids=manifest.obs_ids, stage=stage, reason=reason,
            log_tail=log_tail,
        )  # fmt: skip


class AnalysisReady(_Manifest):
    """Results exist."""

    kind: Literal["analysis.ready"] = "analysis.ready"
    phase: Literal["first-look", "final"]
    products: tuple[Product, ...]


Manifest = RequestSubmitted | RequestFailed | RunSelected | Dl2Ready | IrfReady | Dl3Ready | RunFailed | AnalysisReady
_ANY: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="kind")])


def write_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON of a manifest."""
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
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise ManifestRejected(f"not a manifest of schema version {SCHEMA_VERSION}: {faults}") from error
