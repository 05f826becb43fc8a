"""The night is made step by step, and says how far it is."""

import math
import sys
from collections import Counter
from itertools import chain

import pytest

from foa_testing.night.__main__ import main
from foa_testing.night.building import Progress, Step, plan_phases, run_steps
from foa_testing.night.catalogs import write_catalogs
from foa_testing.night.datacheck import write_night_wise, write_run_wise
from foa_testing.night.definition import LINES, RUNS
from foa_testing.night.observation import observe
from foa_testing.night.simulation import (
    reconstruct_testing,
    simulate_testing,
    simulate_training,
    train,
)


@pytest.fixture
def phases(layout):
    return plan_phases(layout, seed=1)


def test_every_step_has_a_title_of_its_own(phases):
    titles = [step.title for step in chain(*phases)]
    assert len(titles) == len(set(titles))


def test_every_line_node_run_and_night_has_its_steps(phases):
    nodes = {node for line in LINES for node in line.testing}
    numbers = {simulate_training: len(LINES), train: len(LINES), reconstruct_testing: len(LINES)}
    numbers |= {simulate_testing: len(nodes), write_catalogs: 1}
    numbers |= {observe: len(RUNS), write_run_wise: len(RUNS), write_night_wise: 2}
    assert Counter(step.function for step in chain(*phases)) == numbers


def test_a_step_comes_after_those_that_write_its_files(phases):
    phase_of = {step.function: n for n, steps in enumerate(phases) for step in steps}
    assert phase_of[simulate_training] < phase_of[train] < phase_of[reconstruct_testing]
    assert phase_of[simulate_testing] < phase_of[reconstruct_testing]
    assert phase_of[write_run_wise] < phase_of[write_night_wise]


def test_progress_counts_the_steps(capsys):
    progress = Progress(12)
    progress.report("training MC of line dec_2276", 11.7)
    progress.report("run catalogs", 0.2)
    assert capsys.readouterr().out.splitlines() == [
        "[ 1/12] training MC of line dec_2276 … 12 s",
        "[ 2/12] run catalogs … 0 s",
    ]


def test_steps_return_their_results_by_title(capsys):
    steps = [Step(f"root of {number}", math.sqrt, (number,)) for number in (4, 9)]
    assert run_steps(steps, Progress(2)) == {"root of 4": 2.0, "root of 9": 3.0}
    assert capsys.readouterr().out.startswith("[1/2] root of ")


def test_a_complete_night_is_left_as_it_is(layout, monkeypatch, capsys):
    layout.truth.write_text("what was injected")
    monkeypatch.setattr(sys, "argv", ["foa_testing.night", str(layout.root)])
    main()
    assert "holds a complete night already" in capsys.readouterr().out
    assert [path.name for path in layout.root.iterdir()] == [layout.truth.name]
