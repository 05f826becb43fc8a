"""A stage process loads the stage library and its own package, and nothing else of this project."""

import json
import subprocess

import pytest

from foa.pipeline import job_services
from foa.runtime import STAGE_LIBRARY

LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""
FOREIGN = {"foa", "foa_testing", "pika", "prometheus_client", "structlog", "typer"}


@pytest.mark.parametrize("service", job_services(), ids=lambda service: service.name)
def test_a_stage_loads_the_stage_library_and_its_own_package(repository, service):
    python = repository / f"build/envs/{service.name}/bin/python"
    command = [python, "-W", "ignore", "-c", LOADED, service.stage]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    loaded = {name.partition(".")[0] for name in json.loads(said.splitlines()[-1])}
    assert {name for name in loaded if name.startswith("foa")} == {STAGE_LIBRARY, service.package}
    assert not loaded & FOREIGN
