"""The stage without physics, for tests of everything around it.

It is run as `python -IS`: it may import the standard library only.
"""

import json
from typing import Any

NAMED = ("title", "phase", "target", "profile", "runs", "failed_runs")
"""Fields of a request that are fields of the results, too."""


def report(
    request: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the facts and the products' contents by role, as the stage would report them."""
    named = {name: request[name] for name in NAMED if name in request}
    empty: dict[str, Any] = {"versions": {}, "findings": {}, "runs": [], "failed_runs": []}
    results = {"schema_version": 2, **empty, **named}
    return {"phase": request["phase"]}, {"results.json": json.dumps(results)}
