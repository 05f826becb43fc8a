"""Steps of an analysis: none that fails stops the others."""

import pytest

from foa_analyzer.results import StepFindings
from foa_analyzer.steps import Found, Step


def found(data=None, files=(), **findings):
    return lambda run_set, given: Found(StepFindings(**findings), dict(files), data)


def failing(error):
    def find(run_set, given):
        raise error

    return find


def run(step, run_set):
    return list(step.run(run_set, "given"))


def test_a_step_yields_its_findings_and_writes_its_files(make_run_set, tmp_path):
    files = {"a.txt": lambda path: path.write_text("a"), "a.png": lambda path: path.touch()}
    step = Step("a", found(files=files, excluded={"1": "why"}))
    findings, *of_files = run(step, make_run_set())
    assert findings.excluded == {"1": "why"}
    assert (tmp_path / "a.txt").read_text() == "a"
    assert [figure for one in of_files for figure in one.figures] == ["a.png"]


def test_a_step_is_given_what_the_one_above_made(make_run_set):
    given = []

    def find(run_set, data):
        given.append((run_set.settings.bins_per_decade, data))
        return Found(StepFindings(), {}, None)

    run(Step("above", found(data=7), then=(Step("below", find),)), make_run_set())
    assert given == [(2, 7)]


def test_a_step_that_fails_says_why_and_leaves_out_those_below(make_run_set):
    below = Step("below", found(excluded={"1": "why"}))
    step = Step("above", failing(ValueError("no data")), then=(below,))
    assert run(step, make_run_set()) == [StepFindings(unavailable={"above": "no data"})]


def test_a_failure_without_words_is_named_by_its_kind(make_run_set):
    (findings,) = run(Step("a", failing(KeyError())), make_run_set())
    assert findings.unavailable == {"a": "KeyError"}


def test_findings_outlive_a_figure_that_cannot_be_drawn(make_run_set):
    def draw(path):
        raise ValueError("no glyphs")

    step = Step("a", found(files={"a.png": draw}, excluded={"1": "why"}))
    assert run(step, make_run_set()) == [
        StepFindings(excluded={"1": "why"}),
        StepFindings(unavailable={"a": "no glyphs"}),
    ]


def test_every_step_is_told_when_it_begins(make_run_set, capsys):
    run_set = make_run_set()
    run(Step("above", found(), then=(Step("below", found()),)), run_set)
    name = run_set.directory.name
    assert capsys.readouterr().out.splitlines() == [f"{name} runs: above", f"{name} runs: below"]


def test_a_full_disk_ends_the_attempt(make_run_set):
    def write(path):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(Step("a", found(files={"a.txt": write})), make_run_set())
