"""The stage without physics, for tests of everything around it."""

from pathlib import Path
from typing import Any


def report(
    request: dict[str, Any], settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Select every run that the request names, each with a DL1 file of its own; no products.

    Parameters
    ----------
    request
        The request to the stage; its analysis request must name its runs.
    settings
        `run`: a run, as the selector describes it, whose number and DL1 file are replaced;
        `fates`: by number of a run, a word that the name of its DL1 file ends in (`fine` if
        absent), for the stubs of other stages.
    """
    analysis = request["request"]
    runs = [_run(obs_id, analysis["target"]["name"], settings) for obs_id in analysis["obs_ids"]]
    return {"runs": runs, "unreadable": []}, {}


def _run(obs_id: int, target: str, settings: dict[str, Any]) -> dict[str, Any]:
    run, fate = settings["run"], settings["fates"].get(str(obs_id), "fine")
    path = str(Path(run["dl1"]["path"]).with_name(f"dl1_{target}_{obs_id}_{fate}.h5"))
    return {**run, "obs_id": obs_id, "dl1": {**run["dl1"], "path": path}}
