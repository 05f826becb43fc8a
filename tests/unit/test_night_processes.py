"""Tools run in a scratch directory, with a seed, and say why they failed."""

import sys

import numpy as np
import pytest

from foa_testing.night.processes import run_tool

TOOL = """
import sys
from pathlib import Path
import numpy
Path("provenance.log").write_text("left where the tool is called")
Path(sys.argv[1]).write_text(f"{numpy.random.random()} {Path.cwd()}")
"""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """A tool in the directory of this environment's interpreter."""
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (python.parent / "draw").write_text(TOOL)
    monkeypatch.setattr(sys, "executable", str(python))
    return "draw"


def test_a_tool_draws_from_the_generator_with_the_seed(tool, tmp_path):
    run_tool(tool, tmp_path / "drawn", seed=3)
    drawn, _ = (tmp_path / "drawn").read_text().split()
    assert float(drawn) == np.random.RandomState(3).random_sample()


def test_nothing_is_left_where_the_tool_ran(tool, tmp_path):
    run_tool(tool, tmp_path / "drawn")
    _, directory = (tmp_path / "drawn").read_text().split()
    assert not (tmp_path / directory).exists()


def test_a_tool_that_fails_is_quoted(tool, tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)draw ended with 1.*FileNotFoundError") as error:
        run_tool(tool, tmp_path / "nowhere/drawn")
    assert len(str(error.value)) < 2100
