"""What people say about requests and services, besides submitting: kept with who, when and why."""

from typing import Annotated, Literal

from pydantic import Field

from foa_stage.manifests.base import SCHEMA_VERSION, ManifestBase, Said, SchemaVersion
from foa_stage.manifests.canonical import IDENTITY, Identified

WORDS = "_words"
"""Stands in place of a generation, which cannot be named so: words belong to no submission."""


class _WordBase(ManifestBase):
    said: Said

    @property
    def generation(self) -> str:
        """Return where words are kept."""
        return WORDS


class RequestCancelled(_WordBase):
    """Stop working on a request; it holds until the request is submitted again."""

    kind: Literal["request.cancelled"] = "request.cancelled"


class RequestHeld(_WordBase):
    """Submit no jobs for a request, or go on."""

    kind: Literal["request.held"] = "request.held"
    held: bool


class RequestCommented(_WordBase):
    """A remark that is shown with the request."""

    kind: Literal["request.commented"] = "request.commented"


class RequestPinned(_WordBase):
    """Keep all products of a request whatever their age, or no longer."""

    kind: Literal["request.pinned"] = "request.pinned"
    pinned: bool


Word = RequestCancelled | RequestHeld | RequestCommented | RequestPinned
"""Words about a request."""


class ServiceHeld(Identified):
    """Submit no jobs of a service, or go on."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    kind: Literal["service.held"] = "service.held"
    service: Annotated[str, Field(pattern=IDENTITY, max_length=40)] = Field(
        default="", description="empty: all services"
    )
    held: bool
    said: Said
