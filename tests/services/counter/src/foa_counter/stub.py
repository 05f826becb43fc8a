"""The stage without physics, for tests of everything around it."""

from typing import Any


def report(
    request: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return facts and products."""
    return {"products": len(request["products"])}, {}
