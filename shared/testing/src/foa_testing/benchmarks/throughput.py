"""Measure how many jobs a second go through real daemons, broker and scheduler.

`python -m foa_testing.benchmarks.throughput [RUNS …]`. The stages are stubs: what is left is what
this software costs, and SLURM.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from foa.cli.submitting import publish
from foa.intake.submission import submission
from foa.pipeline import JobService, installed_services, job_services
from foa.pipeline.installed import before
from foa.site import read_site
from foa_stage.manifests import Request
from foa_stage.tree import LinkedWork, RunTree, Work
from foa_testing.benchmarks.slurm_alone import complete_alone
from foa_testing.fakes.stub_site import finish, make_request, make_site, start_daemons
from foa_testing.stack.daemons import Daemons
from foa_testing.stack.processes import SYSTEM_PROGRAMS, wait_until
from foa_testing.stack.whole import Stack


@dataclass(frozen=True)
class Throughput:
    """How some requests got through."""

    jobs: int
    attempts: int
    messages: int
    commands: int
    """Given to SLURM."""
    wall_s: float
    hand_overs: Sequence[float]
    """From the end of a job to the submission of the next, s."""

    @property
    def values(self) -> dict[str, float]:
        """Return what is measured, by name."""
        return {
            "jobs_per_s": self.jobs / self.wall_s,
            "messages_per_s": self.messages / self.wall_s,
            "handover_median_s": statistics.median(self.hand_overs),
            "handover_p95_s": statistics.quantiles(self.hand_overs, n=20)[-1],
            "slurm_commands_per_job": self.commands / self.jobs,
        }

    def __str__(self) -> str:
        values = " ".join(f"{name}={value:.2f}" for name, value in self.values.items())
        return f"jobs={self.jobs} wall_s={self.wall_s:.1f} {values}"


def run_requests(
    stack: Stack, daemons: Daemons, site: Path, requests: Sequence[Request], limit_s: float
) -> Throughput:
    """Submit requests, wait for their ends, and measure how they got there."""
    tree, begun = RunTree(read_site(site).tree), time.time()
    commands, messages = (_count(stack, name) for name in COUNTERS)
    publish(read_site(site), [submission(request, tree) for request in requests])
    finish(tree, requests, limit_s)
    ended = time.time()
    wait_until(lambda: _last_turn(stack) > ended, "a scrape after the last ending")
    every = {work.directory: work for work in _works(tree, requests)}
    return Throughput(
        jobs=len(every),
        attempts=sum(len(work.attempts()) for work in every.values()),
        messages=_count(stack, COUNTERS[1]) - messages,
        commands=_count(stack, COUNTERS[0]) - commands,
        wall_s=ended - begun,
        hand_overs=list(_hand_overs(tree, requests, _submissions(daemons))),
    )


COUNTERS = ("foa_scheduler_commands_total", "foa_messages_total")


def _works(tree: RunTree, requests: Sequence[Request]) -> Iterator[Work]:
    """Yield the work of requests, first looks included."""
    for request in requests:
        yield from (link.work for link in tree.linked_works(request.id))
    whole = {service.name for service in job_services() if not service.per_run}
    yield from (work for work in tree.works() if work.stage in whole)


def _count(stack: Stack, counter: str) -> int:
    samples = stack.prometheus.query(f"sum({counter})")
    return int(float(samples[0]["value"][1])) if samples else 0


def _last_turn(stack: Stack) -> float:
    """Return the oldest time at which Prometheus saw the daemons turn, as Unix time."""
    samples = stack.prometheus.query("min(foa_turn_timestamp_seconds)")
    return float(samples[0]["value"][1]) if samples else 0.0


def _submissions(daemons: Daemons) -> dict[str, float]:
    """Return when each job was submitted, as the daemons' logs tell; Unix times."""
    lines = (line for log in daemons.root.glob("*.log") for line in log.read_text().splitlines())
    told = [json.loads(one) for one in lines if '"submitted"' in one and one.startswith("{")]
    jobs = [line for line in told if "job" in line]
    return {job["job"]: datetime.fromisoformat(job["timestamp"]).timestamp() for job in jobs}


def _hand_overs(
    tree: RunTree, requests: Sequence[Request], submitted: dict[str, float]
) -> Iterator[float]:
    """Yield for every job how long after the last of its inputs it was submitted (s)."""
    for request in requests:
        links = tree.linked_works(request.id)
        for link in links:
            if needed := _needed(link, links):
                ready = max((one.work.directory / "report.json").stat().st_mtime for one in needed)
                yield max(submitted[link.work.attempts()[0].name] - ready, 0.0)


def _needed(link: LinkedWork, links: Sequence[LinkedWork]) -> list[LinkedWork]:
    """Return the work that this one had to wait for."""
    services = {service.name: service for service in installed_services()}
    service = services[link.stage]
    stages = {one.name for one in before(service, installed_services())}
    per_run = isinstance(service, JobService) and service.per_run
    runs = {link.obs_id, 0} if per_run else {one.obs_id for one in links}
    return [one for one in links if one.stage in stages and one.obs_id in runs]


def main() -> None:
    """Print how throughput and latency grow from 10 to 1000 runs, beside SLURM alone."""
    os.environ["PATH"] += SYSTEM_PROGRAMS
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(Path(directory) / "stack", Path.cwd(), base_port=24000, cpus=16)
        os.environ |= stack.slurm.environment
        stack.start()
        try:
            for n_runs in map(int, sys.argv[1:] or ("10", "100", "1000")):
                line = _measure(stack, Path(directory) / str(n_runs), n_runs)
                print(line, flush=True)  # noqa: T201
        finally:
            stack.stop()


def _measure(stack: Stack, home: Path, n_runs: int) -> str:
    """Measure a request of so many runs, then the same jobs by SLURM alone; spell the values."""
    site = make_site(stack, home)
    daemons, request = stack.daemons(site), make_request(site, "bench", range(1, n_runs + 1))
    start_daemons(daemons)
    try:
        flowed = run_requests(stack, daemons, site, [request], limit_s=3600)
    finally:
        daemons.stop_all()
    works = list(RunTree(home / "tree").works())
    alone = complete_alone(read_site(site), works, home / "alone")
    ratio = flowed.values["jobs_per_s"] / alone
    return f"runs={n_runs} {flowed} slurm_alone_per_s={alone:.2f} ratio={ratio:.2f}"


if __name__ == "__main__":
    main()
