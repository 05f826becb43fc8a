"""The stage without physics, for tests of everything around it."""

import json
from typing import Any


def report(
    request: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the facts of a run with the nearest IRF, and a product that names its origin."""
    made_of = [request["dl2"]["sha256"], *(irf["sha256"] for irf in request["irfs"])]
    content = json.dumps({"made_of": request}, sort_keys=True)
    return {"irf_choice": "nearest", "made_of": made_of}, {"dl3": content}
