"""The stage without physics, for tests of everything around it."""

import json
from typing import Any


def report(
    request: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return no facts, and one product that says what it was made of."""
    return {}, {"irf": json.dumps({"made_of": request}, sort_keys=True)}
