"""One spelling for every JSON document, so that equal content has equal digests."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

DIGEST_LENGTH = 16
"""Hex digits of a digest: 64 bits, ample for the few million pieces of work of a telescope's life."""


class Frozen(BaseModel):
    """A value: immutable, and strict about what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(content: BaseModel | dict[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: BaseModel | dict[str, Any]) -> str:
    """Digest of the canonical JSON."""
    return hashlib.sha256(canonical_json(content)).hexdigest()[:DIGEST_LENGTH]
