"""Measure how many of the same jobs the scheduler alone completes, without any daemon."""

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from foa.executors import Job
from foa.executors.script import SCRIPT_NAME, make_script
from foa.pipeline import job_services
from foa.service.assembly import find_runtime_for
from foa.site import Site
from foa_stage.tree import Work
from foa_testing.stack.processes import wait_until

AT_ONCE = 4
"""Submissions under way at a time: more are not faster on two cores."""


def complete_alone(site: Site, works: Sequence[Work], home: Path) -> float:
    """Submit the jobs of finished pieces of work again; return how many a second are completed.

    Each gets a directory of its own below `home` with a copy of the request to its stage, so that
    the stages do the same once more.
    """
    client = site.execution.client()
    assert client is not None
    jobs = list(_copies(site, works, home, client.id_variable))
    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(client.submit, jobs))
    reports = [job.directory.parent / "report.json" for job in jobs]
    wait_until(lambda: all(path.exists() for path in reports), "the end of all jobs", 3600)
    return len(jobs) / (time.monotonic() - begun)


def _copies(site: Site, works: Sequence[Work], home: Path, id_variable: str) -> list[Job]:
    runtimes = {one.name: find_runtime_for(site, one)(None) for one in job_services()}
    jobs = []
    for work in works:
        directory = home / work.stage / work.key / "attempt-1"
        directory.mkdir(parents=True)
        request = Path(shutil.copy(work.request, directory.parent))
        (directory / SCRIPT_NAME).write_text(make_script(id_variable))
        command = tuple(runtimes[work.stage].command(request, directory))
        resources = work.attempts()[0].resources()
        jobs.append(Job(f"alone-{work.stage}-{work.key}", command, directory, resources))
    return jobs
