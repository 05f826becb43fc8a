"""Run requests in this process, with live progress."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from rich.console import Console, Group
from rich.live import Live

from foa.cli import progress, results, timing
from foa.cli.output import make_console, print_json, print_line
from foa.errors import FoaError
from foa.intake.submission import submission
from foa.service.embedded import Embedded
from foa.service.events import Event, JobEnded
from foa.site import Site
from foa_stage.jobs import Completed
from foa_stage.manifests import Request
from foa_stage.tree import RunTree

INTERRUPTED = 130


def run_requests(site: Site, requests: list[Request], *, as_json: bool) -> int:
    """Run requests to their end; return the exit code: 1 if one of them failed as a whole."""
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    console = make_console(stderr=as_json)
    tree, ended = RunTree(site.tree), list[JobEnded]()
    with _alone(tree):
        known = [tree.known(request) for request in requests]
        embedded, start = Embedded(site, lambda job: _note(console, ended, job)), time.monotonic()
        if not _follow(embedded, known, console):
            return INTERRUPTED
        wall = time.monotonic() - start
    if as_json:
        print_json([_describe(tree, request.id) for request in known])
    else:
        _tell(console, tree, known, timing.times_table(ended, wall) if ended else NOTHING_DONE)
    return 1 if any(progress.failure_of(tree, request.id) for request in known) else 0


NOTHING_DONE = "everything was done already: no job submitted"


def _follow(embedded: Embedded, requests: list[Request], console: Console) -> bool:
    """Run with a live table; return False when interrupted."""
    try:
        with Live(console=console, refresh_per_second=4) as live:

            def watch() -> None:
                tables = (progress.runs_table(embedded.tree, one.id) for one in requests)
                live.update(Group(*tables))

            embedded.run([submission(request, embedded.tree) for request in requests], watch)
    except KeyboardInterrupt:
        running = len(embedded.running)
        console.print(
            f"interrupted; {running} jobs go on by themselves: `foa run` again takes them up"
        )
        return False
    return True


def _note(console: Console, ended: list[JobEnded], job: Event) -> None:
    """Keep and print the end of a job."""
    if not isinstance(job, JobEnded):
        return
    ended.append(job)
    concerns = ", ".join(job.request_ids)
    if job.obs_ids and job.stage in progress.run_stages():
        concerns = f"runs {', '.join(map(str, job.obs_ids))}"
    done = isinstance(job.ending, Completed)
    state = "[green]done[/]" if done else f"[red]{job.state}[/]"
    line = f"{job.ending.wall_s:6.1f} s  {job.stage:14} {state}  {concerns}"
    console.print(line, highlight=False)


def _tell(console: Console, tree: RunTree, requests: list[Request], costs: object) -> None:
    for request in requests:
        if failure := progress.failure_of(tree, request.id):
            console.print(f"[red]{request.id} failed:[/]", end=" ")
            print_line(console, failure)
        if directory := results.newest_results(tree, request.id):
            print_line(console, f"{request.target.name}: {directory.name}")
            results.print_results(console, directory)
    console.print(costs)


def _describe(tree: RunTree, request_id: str) -> dict[str, object]:
    directory = results.newest_results(tree, request_id)
    states = progress.states_of(tree, request_id)
    return {
        "request": request_id,
        "failure": progress.failure_of(tree, request_id),
        "results": str(directory / "results.json") if directory else None,
        "runs": [state.__dict__ for state in states],
    }


@contextmanager
def _alone(tree: RunTree) -> Iterator[None]:
    """Let one `foa run` at a time work in a tree.

    Raises
    ------
    FoaError
        If another one is at work, or the tree cannot be written.
    """
    with _open_lock(tree.lock) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FoaError(f"another `foa run` is at work in {tree.root}") from error
        yield


@contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise FoaError(f"run tree {path.parent}: {error.strerror}") from error
    with file:
        yield file.fileno()
