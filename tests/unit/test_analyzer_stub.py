"""The stage without physics reports what the analyzer's plan needs."""

import json
import subprocess
import sys

import pytest

from foa_analyzer import stub
from foa_analyzer.plan import announce
from foa_analyzer.tables import read_results
from foa_stage.tree import Report, product_of
from foa_testing.fakes import factories


@pytest.mark.parametrize("phase", ["first-look", "final"])
def test_its_report_is_announced_as_results(phase, tmp_path):
    facts, products = stub.report({"phase": phase}, {})
    path = tmp_path / "results.json"
    path.write_text(products["results.json"])
    made = (product_of("results.json", path),)
    report = Report(outcome="done", exit_code=0, products=made, facts=facts)
    (announced,) = announce(factories.dl3_ready(), report)
    assert announced.phase == phase
    assert announced.products == made


def test_other_requests_have_other_results():
    first, second = ({"phase": "final", "title": title} for title in "ab")
    assert stub.report(first, {}) != stub.report(second, {})


def test_its_results_can_be_shown():
    target = {"name": "Crab", "ra": 83.6, "dec": 22.0}
    named = {"title": "t", "phase": "final", "target": target, "profile": "p 1"}
    _, products = stub.report({**named, "runs": [], "failed_runs": []}, {})
    assert read_results(products["results.json"].encode()).target.name == "Crab"


def test_it_needs_the_standard_library_only():
    code = f"import runpy, json; m = runpy.run_path({stub.__file__!r})\n"
    code += "print(json.dumps(m['report']({'phase': 'final'}, {})))"
    ended = subprocess.run(
        [sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(ended.stdout)[0] == {"phase": "final"}
