"""Measure what a large or old run tree costs: plans, listing, scrapes, messages, a restart.

`python -m foa_testing.benchmarks.tree_costs [RUNS REQUESTS]`; nothing is submitted anywhere.
"""

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, generate_latest

from foa.bus import MemoryBroker
from foa.executors.batch import BatchExecutor
from foa.pipeline import JobService, consumers, run_services
from foa.service.assembly import find_runtime_for
from foa.service.collectors import RequestCollector, WorkCollector
from foa.service.loop import ServiceLoop
from foa.site import Site, read_site
from foa_stage.manifests import Request, Run, RunSelected, Target
from foa_stage.tree import RunTree
from foa_testing.benchmarks.tree_contents import manifests_of, record_fast
from foa_testing.fakes import factories, stub_site
from foa_testing.fakes.scripted_scheduler import ScriptedClient

N_RUNS, N_REQUESTS, RUNS_PER_REQUEST = 10_000, 3_000, 20


def main() -> None:
    """Print each measurement, and all of them in a last line."""
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent)
    n_runs, n_requests = map(int, sys.argv[1:] or (N_RUNS, N_REQUESTS))
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        values = {
            **_measure_large_request(_make_site(home / "large"), n_runs),
            **_measure_old_tree(home / "old", _make_site(home / "new"), n_requests),
            **_measure_restart(_make_site(home / "restart"), n_runs),
        }
    print(" ".join(f"{name}={value:.3g}" for name, value in values.items()))  # noqa: T201


def _make_site(home: Path) -> Site:
    home.mkdir(parents=True)
    site = read_site(stub_site.make_local_site(home))
    site.tree.mkdir()
    return site


def _measure_large_request(site: Site, n_runs: int) -> dict[str, float]:
    """Measure the final plan of a request with many runs in a process of its own."""
    request = _fill(site, "large", n_runs)
    manifests = RunTree(site.tree).request_directory(request.id) / "manifests"
    sizes = [path.stat().st_size for path in manifests.rglob("*.json")]
    command = [sys.executable, "-c", PLAN, str(site.tree), request.id, str(n_runs)]
    plan_s, peak_mib = map(float, subprocess.check_output(command, text=True).split())
    return {"final_plan_s": plan_s, "process_mib": peak_mib, "manifest_kb": max(sizes) / 1000}


PLAN = """
import resource, sys, time
from pathlib import Path
from foa_analyzer.plan import plan
from foa_stage.manifests import Dl3Ready
from foa_stage.tree import RunTree
tree, request_id, n_runs = RunTree(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
last = tree.newest(request_id, Dl3Ready, n_runs)
begun = time.monotonic()
assert len(plan(last, tree).request.runs) == n_runs
print(time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _measure_old_tree(home: Path, empty: Site, n_requests: int) -> dict[str, float]:
    """Measure a tree of many finished requests beside an empty one."""
    old = _make_site(home)
    for number in range(n_requests):
        _fill(old, f"source {number}", RUNS_PER_REQUEST)
    foa = [str(Path(sys.executable).parent / "foa"), "list", "--site", str(home / "site.yaml")]

    def list_all() -> None:
        subprocess.run(foa, check=True, stdout=subprocess.DEVNULL)

    return {
        "first_list_s": _time(list_all),
        "list_s": _time(list_all),
        "scrape_s": _time_scrape(RunTree(old.tree)),
        "message_ratio": _time_message(old) / _time_message(empty),
    }


def _time_scrape(tree: RunTree) -> float:
    registry = CollectorRegistry()
    registry.register(WorkCollector(tree, run_services()[0].name, list))
    registry.register(RequestCollector(tree))
    generate_latest(registry)
    return _time(lambda: generate_latest(registry))


def _time_message(site: Site) -> float:
    """Return the time to handle a new message; the first one imports things (s)."""
    loop, _ = _make_loop(site, run_services()[0])
    request = _fill(site, "new", 200)
    selected = RunTree(site.tree).newest_per_run(request.id, RunSelected)
    loop.handle(selected.pop(1))

    def handle_all() -> None:
        for manifest in selected.values():
            loop.handle(manifest)

    return _time(handle_all) / len(selected)


def _measure_restart(site: Site, n_runs: int) -> dict[str, float]:
    """Measure how fast a service takes up what is pending; its scheduler answers at once."""
    service = run_services()[0]
    request = _fill(site, "restart", n_runs)
    tree = RunTree(site.tree)
    for manifest in tree.newest_per_run(request.id, RunSelected).values():
        tree.pending(service.name).put(manifest)
    loop, (client, executor) = _make_loop(site, service)
    begun, first = time.monotonic(), 0.0
    loop.resume()
    while client.count("submit") < n_runs:
        loop.turn(executor.endings())
        first = first or (time.monotonic() - begun if client.count("submit") else 0.0)
    return {"restart_first_s": first, "restart_all_s": time.monotonic() - begun}


def _make_loop(
    site: Site, service: JobService
) -> tuple[ServiceLoop, tuple[ScriptedClient, BatchExecutor]]:
    client = ScriptedClient()
    executor = BatchExecutor(client)
    bus = MemoryBroker(consumers()).connect(service.name)
    loop = ServiceLoop(service, site, bus, executor, find_runtime_for(site, service))
    return loop, (client, executor)


def _fill(site: Site, name: str, n_runs: int) -> Request:
    """Record a request whose runs have all come through."""
    request = factories.make_request(Target(name=name, ra=83.63, dec=22.01), site.archive)
    run = Run.model_validate(stub_site.run_of(site.tree.parent / "archive"))
    dl3 = site.tree / "dl3.fits"
    dl3.touch()
    record_fast(RunTree(site.tree), request, manifests_of(request, run, n_runs, dl3))
    return request


def _time(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
