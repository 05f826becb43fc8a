"""The order in which jobs of one host start: the first run is through early."""

import time

from foa.executors import Job
from foa.executors.local.executor import LocalExecutor
from foa.pipeline import find_service
from foa_stage.jobs import Resources

LIMITS = Resources(memory_mib=100, time_limit_s=60)
TOLD = [
    *("selector-1", "dl2-converter-1", "irf-builder-1", "dl2-converter-2", "irf-builder-2"),
    *("dl2-converter-3", "dl3-maker-1"),
]
"""Jobs in the order of their submission: service, and number of the run."""
STARTED = [
    *("selector-1", "dl3-maker-1", "dl2-converter-1", "irf-builder-1", "dl2-converter-2"),
    *("irf-builder-2", "dl2-converter-3"),
]


def test_dl2_and_irfs_wait_in_the_order_of_runs_and_later_stages_go_first(tmp_path):
    executor = LocalExecutor(slots=1)
    for name in TOLD:
        priority = find_service(name.rpartition("-")[0]).priority
        executor.submit(Job(name, ("true",), tmp_path / name, LIMITS, priority))
    ended, deadline = [], time.monotonic() + 60
    while len(ended) < len(TOLD) and time.monotonic() < deadline:
        ended += [ending.name for ending in executor.endings()]
        time.sleep(0.01)
    assert ended == STARTED
