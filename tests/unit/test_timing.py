"""Where the time of a run went: per stage, and along the critical path."""

import pytest

from foa.cli.timing import critical_path, times_table
from foa.service.events import JobEnded
from foa_stage.jobs import Completed, Resources

RESOURCES = Resources(memory_mib=1, time_limit_s=1)


def ended(stage, wall_s, obs_ids=(), requests=("a",)):
    ending = Completed(stage, wall_s)
    return JobEnded(stage, tuple(obs_ids), tuple(requests), ending, RESOURCES, 0.0, 0.0, None)


JOBS = [
    ended("selector", 1),
    ended("dl2-converter", 10, [1]),
    ended("dl2-converter", 2, [2]),
    ended("irf-builder", 5, [1, 2]),
    ended("dl3-maker", 3, [1]),
    ended("dl3-maker", 20, [2]),
    ended("analyzer", 4, [1, 2]),
    ended("analyzer", 7, [1, 2]),
]


def test_the_critical_path_is_that_of_the_slowest_run():
    # selector, irf-builder, dl3-maker of run 2, the longer analysis
    assert critical_path(JOBS) == 1 + 5 + 20 + 7


def test_work_that_two_requests_share_counts_for_both():
    shared = [ended("irf-builder", 5, [1, 9], ("a", "b")), ended("dl3-maker", 30, [9], ("b",))]
    assert critical_path([*JOBS, *shared]) == 35


def test_without_jobs_nothing_took_time():
    assert critical_path([]) == 0.0


def test_the_table_tells_every_stage_the_sum_and_the_wall_time():
    table = times_table(JOBS, wall_s=40.4)
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert ("dl3-maker", "2", "23") in rows
    assert ("sum of all jobs", "8", "52") in rows
    assert ("wall time", "", "40") in rows
    assert rows[-2][2] == pytest.approx("33")
