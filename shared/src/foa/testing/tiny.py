"""Stages that do nearly nothing: for everything around the physics, at full speed.

Their products are small files that say what they were made of; their reports are those of real stages.  How a run
fares is told by its number: `install` writes what shall become of which.  The module needs nothing but Python.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

FACTS: dict[str, dict[str, Any]] = {
    "dl2-converter": {"effective_s": 1000.0, "elapsed_s": 1100.0},
    "dl3-maker": {"irf_choice": "nearest"},
}
MIB = 1 << 20


def install(environments: Path, run: dict[str, Any], fates: dict[int, str] | None = None) -> None:
    """Make an environment for each service. `run` is what the selector says of every run, but for its number.

    A fate is `bad` (its DL1 file is corrupt), `silent` (ends well without report or product), `hungry` (needs 250
    MiB), or `slow` (its first attempt would take ten minutes).
    """
    for service in ("selector", "dl2-converter", "irf-builder", "dl3-maker", "analyzer"):
        command = environments / service / "bin" / f"foa-{service}"
        command.parent.mkdir(parents=True, exist_ok=True)
        # -I and -S: a Python that starts in hundredths of a second
        told = environments / service / "settings.json"
        told.write_text(json.dumps({"run": run, "fates": fates or {}}))
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {__file__} {service} {told} "$2"\n')
        command.chmod(0o755)
        (environments / service / "lock.txt").write_text("tiny\n")


def main(service: str, request_path: Path, settings: dict[str, Any]) -> int:
    """Do one piece of work."""
    started = time.time()
    directory = request_path.parent
    request = json.loads(request_path.read_text())
    fate = Path(request["dl1"]["path"]).stem.rpartition("_")[2] if service == "dl2-converter" else ""
    if fate == "silent":
        return 0
    if fate == "hungry":
        _hold(250 * MIB, 3.0)
    if fate == "slow" and len(list(directory.glob("attempt-*"))) == 1:
        time.sleep(600)
    report: dict[str, Any] = {"outcome": "done", "exit_code": 0, "started": started, "peak_memory_mib": 10}
    if fate == "bad":
        report |= {"outcome": "failed", "exit_code": 3, "reason": f"{request['dl1']['path']}: truncated"}
    else:
        report |= _make(service, request, directory, settings)
    report["wall_s"] = time.time() - started
    _write(directory / "report.json", json.dumps(report))
    return int(report["exit_code"])


def _hold(n_bytes: int, seconds: float) -> None:
    memory = bytearray(n_bytes)
    time.sleep(seconds)
    del memory


def _make(service: str, request: dict[str, Any], directory: Path, settings: dict[str, Any]) -> dict[str, Any]:
    if service == "selector":
        return {"facts": _select(request["request"], settings)}
    facts = dict(FACTS.get(service, {}))
    if service == "dl3-maker":
        facts["made_of"] = [request["dl2"]["sha256"], *(irf["sha256"] for irf in request["irfs"])]
    role = {"dl2-converter": "dl2", "irf-builder": "irf", "dl3-maker": "dl3", "analyzer": "results"}[service]
    if service == "analyzer":
        facts["phase"] = request["phase"]
    name = "results.json" if role == "results" else f"{role}.json"
    content = json.dumps({"phase": facts.get("phase"), "findings": {}, "made_of": request}, sort_keys=True)
    return {"facts": facts, "products": [_product(role, directory / "products" / name, content)]}


def _select(request: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Every run the request names, with a DL1 file of its own."""
    runs = []
    for obs_id in request["obs_ids"]:
        fate = settings["fates"].get(str(obs_id), "fine")
        run = settings["run"]
        path = str(Path(run["dl1"]["path"]).with_name(f"dl1_{request['target']['name']}_{obs_id}_{fate}.h5"))
        runs.append({**run, "obs_id": obs_id, "dl1": {**run["dl1"], "path": path}})
    return {"runs": runs, "unreadable": []}


def _product(role: str, path: Path, content: str) -> dict[str, Any]:
    _write(path, content)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return {"role": role, "path": str(path), "size": len(content.encode()), "sha256": sha256, "events": 1}


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(content)
    temporary.replace(path)


if __name__ == "__main__":
    name, settings_path, asked_path = sys.argv[1:]
    sys.exit(main(name, Path(asked_path), json.loads(Path(settings_path).read_text())))
