"""What every stage does around its physics: read, report, end with the right code."""

import errno
import gc
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from astropy import units as u
from astropy.time import Time
from astropy.utils import iers
from pydantic import Field

from foa_stage import runner
from foa_stage.event_filters import SHOWER, event_filters
from foa_stage.jobs import ExitCode, Resources
from foa_stage.manifests import Frozen
from foa_stage.runner import BadInput, NothingLeft, Stage, StageFailure, StageResult, run_stage
from foa_stage.tree import Attempt, RunTree, product_of


class Question(Frozen):
    number: int = Field(gt=0)


@pytest.fixture
def work(tmp_path):
    work = RunTree(tmp_path).work("test", "0123456789abcdef")
    work.request.parent.mkdir(parents=True)
    work.request.write_text('{"number": 7}')
    return work


def stage(make, *distributions):
    return Stage(request=Question, make=make, distributions=distributions)


def write_number(request, work):
    path = work.products / "number.txt"
    path.write_text(str(request.number))
    return StageResult([product_of("number", path)], {"number": request.number})


def test_products_facts_versions_and_costs_are_reported(work, monkeypatch):
    monkeypatch.setenv("FOA_IMAGE", "sha256:0")
    resources = Resources(memory_mib=10, time_limit_s=20)
    Attempt(work, 1).begin(resources)
    assert run_stage(stage(write_number, "pydantic"), work.request) == 0
    report = work.report()
    assert report.facts == {"number": 7}
    assert report.versions.keys() == {"image", "foa-stage", "pydantic"}
    assert report.resources == resources
    assert report.wall_s > 0
    assert report.peak_memory_mib > 10


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (StageFailure, ExitCode.BAD_REQUEST),
        (BadInput, ExitCode.BAD_INPUT),
        (NothingLeft, ExitCode.NOTHING_LEFT),
    ],
)
def test_a_stage_that_cannot_go_on_says_why(work, failure, code, capsys):
    def fail(request, work):
        raise failure("run 7: truncated")

    assert run_stage(stage(fail), work.request) == code
    assert work.last_report().reason == "run 7: truncated"
    assert "run 7: truncated" in capsys.readouterr().err


def test_a_request_that_is_not_valid_is_a_bad_request_that_names_the_field(work):
    work.request.write_text('{"number": 0}')
    assert run_stage(stage(write_number), work.request) == ExitCode.BAD_REQUEST
    assert "number" in work.last_report().reason


def test_a_full_disk_leaves_no_report_so_that_another_attempt_may_follow(work, capsys):
    def fill(request, work):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert run_stage(stage(fill), work.request) == 1
    assert work.last_report() is None
    assert "free some, then `foa retry`" in capsys.readouterr().err


def test_an_unexpected_failure_is_not_reported_as_final(work):
    def break_down(request, work):
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        run_stage(stage(break_down), work.request)
    assert work.last_report() is None


@pytest.mark.parametrize("days", [-1, 400])
def test_the_earths_rotation_is_known_without_network_whatever_the_age_of_the_tables(work, days):
    def convert(request, work):
        return StageResult([], {"ut1": (Time.now() + days * u.day).ut1.isot})

    usual = {"auto_download": True, "auto_max_age": 10, "iers_degraded_accuracy": "error"}
    with ExitStack() as settings:
        for name, value in usual.items():
            settings.enter_context(iers.conf.set_temp(name, value))
        assert run_stage(stage(convert), work.request) == 0
        assert not iers.conf.auto_download


def test_the_program_finds_the_stage_by_its_module(work, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # put back afterwards
    (tmp_path / "made_up_stage.py").write_text(
        "from foa_stage.runner import Stage, StageResult\n"
        "from foa_stage.manifests import Frozen\n"
        "class Question(Frozen):\n    number: int\n"
        "STAGE = Stage(Question, lambda request, work: StageResult([]), ())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["foa-stage", "made_up_stage", str(work.request)])
    with pytest.raises(SystemExit) as ended:
        runner.main()
    assert ended.value.code == 0
    assert json.loads((work.directory / "report.json").read_bytes())["outcome"] == "done"
    gc.unfreeze()


ENDING = """
import os
from foa_stage.manifests import Frozen
from foa_stage.runner import NothingLeft, Stage

class Garbage:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("collected")

class Question(Frozen):
    number: int

def make(request, work):
    print(os.environ["OMP_NUM_THREADS"], "threads")
    Garbage()
    raise NothingLeft("run 7: no event is left")

STAGE = Stage(Question, make, ())
"""


@pytest.mark.parametrize(("variables", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "3"}, 3)])
def test_a_process_ends_at_once_with_all_said_and_the_code_of_its_stage(
    work, tmp_path, variables, threads
):
    (tmp_path / "ending.py").write_text(ENDING)
    others = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    ended = subprocess.run(
        [Path(sys.executable).with_name("foa-stage"), "ending", work.request],
        env=others | {"PYTHONPATH": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == ExitCode.NOTHING_LEFT
    assert ended.stdout == f"{threads} threads\n"  # garbage is left where it is
    assert "no event is left" in ended.stderr
    assert work.last_report().outcome == "failed"


def test_caches_and_parts_of_work_lie_in_the_same_tree(work, tmp_path):
    assert work.cache("forests") == tmp_path / "cache/forests"
    part = work.part("irf-node", "abc")
    assert (part.stage, part.key, part.directory) == (
        *("irf-node", "abc", tmp_path / "work/irf-node/abc"),
    )


def test_irfs_and_dl3_take_showers_above_the_same_intensity():
    filters = event_filters(50)
    assert filters["intensity"] == [50, float("inf")]
    assert filters["event_type"] == [SHOWER, SHOWER]
