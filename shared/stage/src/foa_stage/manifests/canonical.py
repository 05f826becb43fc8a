"""Write equal content equally, so that it has equal digests; give documents an identity."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

DIGEST_LENGTH = 16
"""Hex digits of a digest: 64 bits, ample for a few million pieces of work."""


IDENTITY, MAX_IDENTITY = r"^[a-z0-9-]*$", 80
"""Pattern and length of identities: they are parts of paths."""


class Frozen(BaseModel):
    """A value: immutable, and strict about which fields it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class View(BaseModel):
    """Some fields of a document, for who reads thousands of them: the others are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Setting(Frozen):
    """A value that people choose: infinity and NaN, which JSON cannot hold, are refused."""

    model_config = ConfigDict(allow_inf_nan=False)


class Identified(Frozen):
    """A document whose identity is made once, from its content, and stored with it.

    A model that gains a field later leaves the identity of older documents as it is (ADR 8).
    """

    id: str = Field(
        default="",
        pattern=IDENTITY,
        max_length=MAX_IDENTITY,
        description="name of this document; made when it is first written",
    )

    @classmethod
    def identify(cls, content: Mapping[str, Any]) -> str:
        """Make the identity of a document with this content, as plain JSON without `id`."""
        return digest(dict(content))

    @classmethod
    def upgrade(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Return the content of an older document in today's fields."""
        return content

    @model_validator(mode="before")
    @classmethod
    def _read_old_document(cls, content: Any, info: ValidationInfo) -> Any:
        """Documents of schema version 1 store no identity: it is that of the JSON as written."""
        if info.mode != "json" or not isinstance(content, dict):
            return content
        if "id" not in content:
            with contextlib.suppress(KeyError, TypeError):  # reported by the fields' own validation
                content = content | {"id": cls.identify(content)}
        return cls.upgrade(content)

    @model_validator(mode="after")
    def _identify_new_document(self) -> Self:
        if not self.id:
            self._identify_anew()
        return self

    def _identify_anew(self) -> None:
        content = self.model_dump(mode="json", exclude={"id"})
        object.__setattr__(self, "id", self.identify(content))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy; a changed copy is another document, with an identity of its own."""
        copy = super().model_copy(update=update, deep=deep)
        if update and "id" not in update:
            copy._identify_anew()
        return copy


def canonical_json(content: BaseModel | dict[str, Any]) -> bytes:
    """Write JSON with sorted keys and no spaces."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: BaseModel | dict[str, Any]) -> str:
    """Return the first hex digits of the SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(content)).hexdigest()[:DIGEST_LENGTH]
