"""Answers of SLURM, recorded as pairs of files: what it said, and what that means."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest

from foa.executors import Job
from foa.executors.scheduler import Answer, NoAnswer
from foa.executors.slurm import SlurmSettings
from foa.executors.slurm.commands import SlurmCommands
from foa.executors.slurm.rest import SlurmRest
from foa_stage.jobs import Resources

RECORDINGS = Path(__file__).parents[1] / "data/slurm"
ANSWERS = sorted(path for path in RECORDINGS.iterdir() if path.suffix in (".out", ".err"))

REST_ANSWERS = [path for path in ANSWERS if path.read_text().startswith("{")]
ODD_VALUES = (None, {}, [], [None], "", "?", -1, float("inf"), True)
TEXTS = ("job_id", "name", "host", "directory")

NAMES = ("a", "b", "foa-a", "foa-b", "foa-c", "wrap", "completed", "failed", "memory")
NAMES += ("cancelled", "running", "timeout", "node")
MEMORY = Resources(memory_mib=700, time_limit_s=60)
JOBS = [Job(name, ("true",), Path("/w"), MEMORY) for name in NAMES]

COMMANDS = SlurmCommands(SlurmSettings(), {})
REST = SlurmRest(SlurmSettings(), {}, "v0.0.41")
READERS = {
    "sbatch": COMMANDS.read_submission,
    "squeue": partial(COMMANDS.read_queue, jobs=JOBS),
    "sacct": partial(COMMANDS.read_accounting, jobs=JOBS),
    "sbatch-test": COMMANDS.read_test,
    "rest-submission": REST.read_submission,
    "rest-queue": partial(REST.read_queue, jobs=JOBS),
    "rest-accounting": partial(REST.read_accounting, jobs=JOBS),
    "rest-test": REST.read_test,
}


def answer_in(path, source):
    """An answer as its transport hands it over."""
    text = path.read_text()
    if source.startswith("rest"):
        return Answer("http://host", 200, text, "OK")
    return Answer(source, 0, text) if path.suffix == ".out" else Answer(source, 1, err=text)


def meaning_of(what, answer):
    try:
        meaning = READERS[what](answer)
    except NoAnswer as silence:
        return {"NoAnswer": str(silence)}
    if isinstance(meaning, list):
        return [asdict(record) for record in meaning]
    return meaning if isinstance(meaning, str) else {type(meaning).__name__: asdict(meaning)}


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.name)
def test_an_answer_means_what_is_written_beside_it(path, golden):
    what, number, _ = path.name.split(".")
    meaning = meaning_of(what, answer_in(path, what))
    expected = path.with_name(f"{what}.{number}.expected.json")
    golden(expected, json.dumps(meaning, indent=1) + "\n")


def variants(content):
    """Every content that differs in one value: it is missing, or of another kind."""
    children = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(children):
        for other in ODD_VALUES:
            yield copy_with(content, key, other)
        if isinstance(content, dict):
            yield {k: v for k, v in content.items() if k != key}
        if isinstance(value, dict | list):
            yield from (copy_with(content, key, variant) for variant in variants(value))


def copy_with(content, key, value):
    copied = content.copy()
    copied[key] = value
    return copied


@pytest.mark.parametrize("path", REST_ANSWERS, ids=lambda path: path.name)
def test_an_answer_of_slurmrestd_of_another_shape_is_understood_or_none(path):
    what, *_ = path.name.split(".")
    content = json.loads(path.read_text())
    for variant in (*ODD_VALUES, *variants(content)):
        meaning = meaning_of(what, Answer("http://host", 200, json.dumps(variant), "OK"))
        for record in meaning if isinstance(meaning, list) else ():
            assert all(type(record[name]) is str for name in TEXTS)


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '{"jobs": [' * 50_000, "9" * 5000])
@pytest.mark.parametrize("what", ["rest-submission", "rest-queue", "rest-accounting", "rest-test"])
def test_an_answer_of_slurmrestd_that_is_no_json_is_none(what, text):
    assert "NoAnswer" in meaning_of(what, Answer("http://host", 200, text, "OK"))


def test_every_kind_of_answer_is_recorded():
    assert {path.name.partition(".")[0] for path in ANSWERS} == set(READERS)
