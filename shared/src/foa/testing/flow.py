"""Much small work through real daemons, broker and scheduler: `python -m foa.testing.flow` measures how it flows.

The stages are those of `foa.testing.tiny`: what is left is what this software costs, and SLURM.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from foa.cli.broker import submit
from foa.manifests import Request, Target
from foa.service.embedded import installed_services
from foa.site import read_site
from foa.testing import factories, tiny
from foa.testing.stack.daemons import Daemons
from foa.testing.stack.processes import SYSTEM_PROGRAMS, wait_until
from foa.testing.stack.whole import Stack
from foa.tree import RunTree, Work
from foa.tree.progress import progress_of

ROOMY = {"memory_mib": 200, "time_limit_s": 600}


@dataclass(frozen=True)
class Flow:
    """What became of some requests."""

    jobs: int
    attempts: int
    messages: int
    commands: int
    """Given to SLURM."""
    wall_s: float
    hand_overs: Sequence[float]
    """From the end of a job to the submission of the next, s."""

    def __str__(self) -> str:
        middle, late = statistics.median(self.hand_overs), statistics.quantiles(self.hand_overs, n=20)[-1]
        return (
            f"{self.jobs} jobs in {self.wall_s:.1f} s: {self.jobs / self.wall_s:.1f} jobs/s, "
            f"{self.messages / self.wall_s:.1f} messages/s, hand-over median {middle:.2f} s, 95 % {late:.2f} s, "
            f"{60 * self.commands / self.wall_s:.0f} SLURM commands/min, {self.commands / self.jobs:.2f} per job"
        )


def make_site(stack: Stack, home: Path, fates: dict[int, str] | None = None) -> Path:
    """A site of tiny stages on the servers of a stack; the path of its file."""
    archive = factories.make_archive(home / "archive")
    run = factories.make_run()
    selected = run.model_copy(
        update={
            "dl1": factories.make_stamp(str(home / "archive/dl1.h5")),
            "models": run.models.model_copy(
                update={"directory": home / "archive/models", "config": factories.make_stamp(f"{home}/archive/config")}
            ),
            "nodes": (run.nodes[0].model_copy(update={"dl2": factories.make_stamp(f"{home}/archive/mc")}),),
        }
    )
    tiny.install(home / "envs", selected.model_dump(mode="json"), fates)
    plain = {
        "name": "tiny", "tree": str(home / "tree"), "environments": str(home / "envs"),
        "archive": archive.model_dump(), "resources": {service.name: ROOMY for service in installed_services()},
    }  # fmt: skip
    (home / "plain.yaml").write_text(yaml.safe_dump(plain))
    return stack.write_site(home / "plain.yaml", home)


def make_request(site: Path, name: str, obs_ids: Sequence[int]) -> Request:
    """A request for some runs."""
    target = Target(name=name, ra=83.63, dec=22.01)
    return factories.make_request(target, read_site(site).archive).model_copy(update={"obs_ids": tuple(obs_ids)})


def start_daemons(daemons: Daemons, replicas: int = 1) -> None:
    """Start so many of each service."""
    for service in installed_services():
        for number in range(1, replicas + 1):
            daemons.start(f"{service.name}-{number}", service.name)


def run_requests(stack: Stack, daemons: Daemons, site: Path, requests: Sequence[Request], limit_s: float) -> Flow:
    """Submit requests, wait for their ends, and look at how they got there."""
    tree, begun = RunTree(read_site(site).tree), time.time()
    asked, spoken = _count(stack, "foa_scheduler_commands_total"), _count(stack, "foa_messages_total")
    submit(read_site(site), list(requests))
    finish(tree, requests, limit_s)
    wall = time.time() - begun
    time.sleep(4)  # one more scrape
    works = [work for request in requests for work in tree.linked_works(request.id).values()]
    every = {work.directory: work for work in (*works, *_first_looks(tree))}
    return Flow(
        jobs=len(every), attempts=sum(len(work.attempts()) for work in every.values()),
        messages=_count(stack, "foa_messages_total") - spoken,
        commands=_count(stack, "foa_scheduler_commands_total") - asked, wall_s=wall,
        hand_overs=list(_hand_overs(tree, requests, _submissions(daemons))),
    )  # fmt: skip


def finish(tree: RunTree, requests: Sequence[Request], limit_s: float) -> None:
    """Wait until nothing more is to come of requests."""
    waiting = [request.id for request in requests]

    def all_finished() -> bool:
        waiting[:] = [request_id for request_id in waiting if not progress_of(tree, request_id).finished]
        time.sleep(0.5)
        return not waiting

    wait_until(all_finished, "the end of all requests", limit_s)


def _first_looks(tree: RunTree) -> list[Work]:
    return [work for work in tree.works() if work.stage == "analyzer"]


def _count(stack: Stack, counter: str) -> int:
    samples = stack.prometheus.query(f"sum({counter})")
    return int(float(samples[0]["value"][1])) if samples else 0


def _submissions(daemons: Daemons) -> dict[str, float]:
    """When each job was submitted, as the daemons' logs tell; Unix times."""
    lines = (line for path in daemons.root.glob("*.log") for line in path.read_text().splitlines())
    told = [json.loads(line) for line in lines if '"submitted"' in line and line.startswith("{")]
    return {line["job"]: datetime.fromisoformat(line["timestamp"]).timestamp() for line in told if "job" in line}


def _hand_overs(tree: RunTree, requests: Sequence[Request], submitted: dict[str, float]) -> Iterator[float]:
    """For every job: how long after the last of its inputs it was submitted."""
    for request in requests:
        works = tree.linked_works(request.id)
        for (stage, obs_id), work in works.items():
            before = {
                "dl2-converter": [("selector", 0)], "dl3-maker": [("dl2-converter", obs_id), ("irf-builder", obs_id)],
                "analyzer": [place for place in works if place[0] == "dl3-maker"],
            }.get(stage, [])  # fmt: skip
            if before:
                ready = max((works[place].directory / "report.json").stat().st_mtime for place in before)
                yield max(submitted[work.attempts()[0].name] - ready, 0.0)


def main() -> None:
    """How throughput and latency grow from 10 to 1000 runs."""
    os.environ["PATH"] += SYSTEM_PROGRAMS
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(Path(directory) / "stack", Path.cwd(), base_port=24000, cpus=16)
        os.environ |= stack.slurm.environment
        stack.start()
        try:
            for n_runs in (10, 100, 1000):
                site = make_site(stack, Path(directory) / str(n_runs))
                daemons = stack.daemons(site)
                start_daemons(daemons, replicas=1)
                request = make_request(site, "bench", range(1, n_runs + 1))
                print(f"{n_runs:5} runs: {run_requests(stack, daemons, site, [request], 3600)}", flush=True)  # noqa: T201
                daemons.stop_all()
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
