"""Running requests on the embedded default, with live progress."""

import fcntl
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from rich.console import Console, Group
from rich.live import Live

from foa.cli import progress, summary
from foa.cli.asking import submission
from foa.cli.output import make_console
from foa.errors import FoaError
from foa.jobs import Completed
from foa.manifests import Request
from foa.service.embedded import Embedded
from foa.service.events import Event, JobEnded
from foa.site import Site
from foa.tree import RunTree

INTERRUPTED = 130


def run_requests(site: Site, requests: list[Request], *, as_json: bool) -> int:
    """Run requests to their end; returns the exit code: 1 if one of them has failed as a whole."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = make_console(stderr=as_json)
    ended: list[JobEnded] = []
    with _alone(site.tree):
        start = time.monotonic()
        if not _follow(Embedded(site, lambda job: _note(console, ended, job)), requests, console):
            return INTERRUPTED
        wall = time.monotonic() - start
    tree = RunTree(site.tree)
    if as_json:
        sys.stdout.write(json.dumps([_describe(tree, request) for request in requests], indent=1) + "\n")
    else:
        for request in requests:
            _print_findings(console, tree, request)
        console.print(summary.times_table(ended, wall) if ended else "everything was done already: no job submitted")
    return 1 if any(progress.failure_of(tree, request.id) for request in requests) else 0


def _follow(embedded: Embedded, requests: list[Request], console: Console) -> bool:
    """Run with a live table; False when interrupted."""
    try:
        with Live(console=console, refresh_per_second=4) as live:

            def watch() -> None:
                live.update(Group(*(progress.runs_table(embedded.tree, request.id) for request in requests)))

            embedded.run([submission(request) for request in requests], watch)
    except KeyboardInterrupt:
        running = len(embedded.executor.running())
        console.print(f"interrupted; {running} jobs go on by themselves: `foa run` again takes them up")
        return False
    return True


def _note(console: Console, ended: list[JobEnded], job: Event) -> None:
    if not isinstance(job, JobEnded):
        return
    ended.append(job)
    runs = (
        f"runs {', '.join(map(str, job.obs_ids))}"
        if job.obs_ids and job.stage != "analyzer"
        else ", ".join(job.request_ids)
    )
    state = "[green]done[/]" if isinstance(job.ending, Completed) else f"[red]{job.state}[/]"
    console.print(f"{job.ending.wall_s:6.1f} s  {job.stage:14} {state}  {runs}", highlight=False)


def _print_findings(console: Console, tree: RunTree, request: Request) -> None:
    if failure := progress.failure_of(tree, request.id):
        console.print(f"[red]{request.id} failed:[/] {failure}")
    directory = summary.newest_results(tree, request.id)
    if directory is None:
        return
    results = summary.read_results(directory)
    console.print(summary.findings_table(results))
    for line in summary.spectrum_lines(results):
        console.print(line, highlight=False)
    for lost in results["lost"]:
        console.print(f"run {lost['obs_id']} failed in {lost['stage']}: {lost['reason']}", highlight=False)
    console.print(f"report: {directory / 'report.html'}", highlight=False, soft_wrap=True)


def _describe(tree: RunTree, request: Request) -> dict[str, object]:
    directory = summary.newest_results(tree, request.id)
    return {
        "request": request.id, "failure": progress.failure_of(tree, request.id),
        "results": str(directory / "results.json") if directory else None,
        "runs": [state.__dict__ for state in progress.states_of(tree, request.id)],
    }  # fmt: skip


@contextmanager
def _alone(tree: Path) -> Iterator[None]:
    """One embedded analysis per tree at a time.

    Raises
    ------
    FoaError
        If another one is at work, or the tree cannot be written.
    """
    try:
        tree.mkdir(parents=True, exist_ok=True)
        lock = (tree / ".lock").open("w")
    except OSError as error:
        raise FoaError(f"run tree {tree}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FoaError(f"another `foa run` is at work in {tree}") from error
        yield
