"""Stages that do nearly nothing: for everything around the physics, at full speed.

Every service brings the stub of its stage (`stub.py`), whose products are small files that say what
they were made of; the reports are those of real stages.  How a run fares is told by its number:
`install` writes it into the name of the run's DL1 file.  As a program this needs nothing but
Python.
"""

import hashlib
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

MIB = 1 << 20
HUNGER_MIB, HUNGER_S, SLOWNESS_S = 250, 3.0, 600.0


def install(
    environments: Path,
    run: dict[str, Any],
    fates: dict[int, str] | None = None,
    trace: Path | None = None,
    duration_s: float = 0.0,
) -> None:
    """Make an environment for each job service.

    Parameters
    ----------
    run
        What is selected for every run, but for its number.
    fates
        By run number: `bad` (its DL1 file is corrupt), `silent` (ends well without report or
        product), `hungry` (needs 250 MiB), `slow` (its first attempt would take ten minutes).
    trace
        File to which every execution appends `start KEY ATTEMPT PID` when it begins, and
        `end KEY ATTEMPT PID OUTCOME` when its report is written; KEY is the stage's and the work's.
    duration_s
        About how long an execution takes.
    """
    from foa.pipeline import job_services
    from foa.runtime import source_directory

    for service in job_services():
        home = environments / service.name
        program = home / "bin/foa-stage"
        program.parent.mkdir(parents=True, exist_ok=True)
        settings = home / "settings.json"
        told = {"run": run, "fates": fates or {}, "duration_s": duration_s}
        settings.write_text(json.dumps(told | ({"trace": str(trace)} if trace else {})))
        stub = source_directory(service.package) / "stub.py"
        # -I and -S: a Python that starts in hundredths of a second
        command = f'{sys.executable} -IS {__file__} {stub} {settings} "$2"'
        program.write_text(f"#!/bin/sh\nexec {command}\n")
        program.chmod(0o755)
        (home / "lock.txt").write_text("stub\n")


def main(stub: Path, settings: dict[str, Any], request_path: Path) -> int:
    """Do one piece of work; return the exit code."""
    started, directory = time.time(), request_path.parent
    request = json.loads(request_path.read_text())
    fate = Path(request.get("dl1", {}).get("path", "")).stem.rpartition("_")[2]
    if fate == "silent":
        return 0
    _trace(settings, directory, "start")
    _suffer(fate, directory)
    time.sleep(settings["duration_s"] * (os.getpid() % 10) / 5)
    report: dict[str, Any] = {"started": started, "peak_memory_mib": 10}
    if fate == "bad":
        reason = f"{request['dl1']['path']}: truncated"
        report |= {"outcome": "failed", "exit_code": 3, "reason": reason}
    else:
        report |= {"outcome": "done", "exit_code": 0}
        report |= _make(stub, request, settings, directory)
    report["wall_s"] = time.time() - started
    _write(directory / "report.json", json.dumps(report))
    _trace(settings, directory, "end", report["outcome"])
    return int(report["exit_code"])


def _trace(settings: dict[str, Any], directory: Path, *words: str) -> None:
    """Append a line about this execution; lines of several processes do not mix."""
    if "trace" not in settings:
        return
    what, *more = words
    key = f"{directory.parent.name}/{directory.name}"
    line = " ".join((what, key, Path.cwd().name, str(os.getpid()), *more))
    with Path(settings["trace"]).open("ab", buffering=0) as trace:
        trace.write(f"{line}\n".encode())


def _suffer(fate: str, directory: Path) -> None:
    if fate == "hungry":
        memory = bytearray(HUNGER_MIB * MIB)
        time.sleep(HUNGER_S)
        del memory
    if fate == "slow" and len(list(directory.glob("attempt-*"))) == 1:
        time.sleep(SLOWNESS_S)


def _make(
    stub: Path, request: dict[str, Any], settings: dict[str, Any], directory: Path
) -> dict[str, Any]:
    facts, contents = _load(stub).report(request, settings)
    products = []
    for role, content in contents.items():
        name = role if "." in role else f"{role}.json"
        products.append(_product(role, directory / "products" / name, content))
    return {"facts": facts, "products": products}


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("stub", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _product(role: str, path: Path, content: str) -> dict[str, Any]:
    _write(path, content)
    encoded = content.encode()
    digest = hashlib.sha256(encoded).hexdigest()
    identity = {"size": len(encoded), "sha256": digest, "events": 1}
    return {"role": role, "path": str(path), **identity}


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(content)
    temporary.replace(path)


if __name__ == "__main__":
    stub_path, settings_path, request_file = map(Path, sys.argv[1:])
    sys.exit(main(stub_path, json.loads(settings_path.read_text()), request_file))
