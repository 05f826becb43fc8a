"""The kinds of manifests: what the services tell each other."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from foa_stage.manifests.base import (
    SCHEMA_VERSION,
    FollowingBase,
    ManifestBase,
    ManifestRejected,
    ResultsPhase,
    RunBase,
    Said,
    ShortText,
)
from foa_stage.manifests.canonical import Frozen, canonical_json
from foa_stage.manifests.files import Product
from foa_stage.manifests.run import Run
from foa_stage.manifests.words import ServiceHeld, Word


class Veto(Frozen):
    """Somebody's decision that a run shall not be analysed, and why."""

    obs_id: int
    said: Said


class RequestSubmitted(ManifestBase):
    """Somebody asked for an analysis; this opens a generation of the request."""

    kind: Literal["request.submitted"] = "request.submitted"
    inputs: str = Field(
        description="fingerprint of the archive's files for these nights: new files, new selection"
    )
    said: Said | None = Field(default=None, description="None until version 2")
    retry: bool = Field(default=False, description="do again what has failed")
    retried_run: int | None = Field(default=None, description="only that of this run")
    vetoes: tuple[Veto, ...] = Field(default=(), description="runs that shall not be analysed")

    @property
    def generation(self) -> str:
        """Return the name of the generation that this opens."""
        return "" if self.said is None else self.id

    def retries(self, obs_id: int) -> bool:
        """Tell whether failed work on a run (0: on the whole request) is to be done again."""
        return self.retry and self.retried_run in (None, obs_id)


class RequestFailed(FollowingBase):
    """Nothing can be analysed, and why."""

    kind: Literal["request.failed"] = "request.failed"
    reason: ShortText


class RunSelected(RunBase):
    """A run belongs to the request."""

    kind: Literal["run.selected"] = "run.selected"
    run: Run


class Dl2Ready(RunBase):
    """A run is reconstructed."""

    kind: Literal["dl2.ready"] = "dl2.ready"
    run: Run
    dl2: Product
    effective_s: float
    elapsed_s: float


class IrfReady(RunBase):
    """The IRFs of every node that serves this run exist."""

    kind: Literal["irf.ready"] = "irf.ready"
    run: Run
    irfs: tuple[Product, ...]


class Dl3Ready(RunBase):
    """A run's event list exists."""

    kind: Literal["dl3.ready"] = "dl3.ready"
    run: Run
    dl3: Product
    made_of: tuple[str, ...] = Field(description="sha256 of the DL2 file and of the IRFs used")
    irf_choice: str = Field(
        description="how its IRF was obtained: interpolated from which nodes, or nearest"
    )


class RunFailed(RunBase):
    """A run goes no further, and why."""

    kind: Literal["run.failed"] = "run.failed"
    stage: str
    reason: ShortText
    log_tail: ShortText = ""

    @classmethod
    def after(cls, manifest: RunBase, stage: str, reason: str, log_tail: str = "") -> Self:
        """Say that the run of `manifest` failed in `stage`."""
        return cls(**about(manifest), stage=stage, reason=reason, log_tail=log_tail)


class AnalysisReady(FollowingBase):
    """Results exist."""

    kind: Literal["analysis.ready"] = "analysis.ready"
    phase: ResultsPhase
    products: tuple[Product, ...] = Field(min_length=1)

    @property
    def directory(self) -> Path:
        """Return the directory where the results were made."""
        return self.products[0].path.parent


RunManifest = RunSelected | Dl2Ready | IrfReady | Dl3Ready | RunFailed
"""Manifests that speak of one run."""
Manifest = RequestSubmitted | RequestFailed | AnalysisReady | RunManifest | Word
"""Manifests that speak of a request."""
Message = Manifest | ServiceHeld
"""All that travels over the bus."""
KINDS: dict[str, type[Message]] = {
    model.model_fields["kind"].default: model for model in get_args(Message)
}
SAID = (RequestSubmitted, *get_args(Word), ServiceHeld)
"""Types of what people say."""
_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def kind_of(model: type[BaseModel]) -> str:
    """Return the kind that manifests of this type carry: the routing key of their messages."""
    return str(model.model_fields["kind"].default)


def about(manifest: RunBase) -> dict[str, Any]:
    """Return the fields that manifests about the same run share."""
    names = ("request", "generation", "obs_id", "n_runs")
    return {name: getattr(manifest, name) for name in names}


def obs_id_of(manifest: Message) -> int:
    """Return the run that a manifest speaks of; 0 where it speaks of the whole request."""
    return int(getattr(manifest, "obs_id", 0))


def request_id_of(message: Message) -> str:
    """Return the id of the request that a message speaks of; empty if it speaks of none."""
    return "" if isinstance(message, ServiceHeld) else message.request.id


def write_manifest(manifest: Message) -> bytes:
    """Write a manifest as canonical JSON."""
    return canonical_json(manifest)


def read_message(content: bytes) -> Message:
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


def read_manifest(content: bytes) -> Manifest:
    """Validate a message that speaks of a request.

    Raises
    ------
    ManifestRejected
        If it is none.
    """
    message = read_message(content)
    if isinstance(message, ServiceHeld):
        raise ManifestRejected(f"{message.kind} speaks of no request")
    return message
