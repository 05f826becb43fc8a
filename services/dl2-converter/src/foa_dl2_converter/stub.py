"""The stage without physics, for tests of everything around it."""

import json
from typing import Any


def report(
    request: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the facts of a run of 1000 s, and a product that says what it was made of."""
    content = json.dumps({"made_of": request}, sort_keys=True)
    return {"effective_s": 1000.0, "elapsed_s": 1100.0}, {"dl2": content}
