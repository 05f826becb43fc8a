"""Run requests in this process, with live progress."""

import fcntl
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from rich.console import Console, Group
from rich.live import Live

from foa.cli import progress, results, timing
from foa.cli.output import make_console, print_json, print_line
from foa.cli.remarks import pauses_of
from foa.errors import ExitStatus, Unavailable
from foa.pipeline.progress import progress_of
from foa.service.assembly import make_writable
from foa.service.embedded import Embedded
from foa.service.events import Event, JobEnded
from foa.site import Site
from foa_stage.jobs import Completed
from foa_stage.manifests import Request, RequestSubmitted
from foa_stage.tree import RunTree


def run_requests(site: Site, submitted: Sequence[RequestSubmitted], *, as_json: bool) -> ExitStatus:
    """Run requests to their end; tell whether one of them failed as a whole."""
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet)
    console = make_console(stderr=as_json)
    tree, ended = RunTree(site.tree), list[JobEnded]()
    known = [one.request for one in submitted]
    with _alone(site):
        embedded, start = Embedded(site, lambda job: _note(console, ended, job)), time.monotonic()
        if not _follow(embedded, submitted, console):
            return ExitStatus.INTERRUPTED
        wall = time.monotonic() - start
    faults = {request.id: _faults(tree, request.id) for request in known}
    if as_json:
        print_json([_describe(tree, request.id) for request in known])
    else:
        _tell(console, tree, known, faults)
        console.print(_costs(ended, wall, has_faults=any(faults.values())))
    return ExitStatus.FAILED if any(faults.values()) else ExitStatus.DONE


def _faults(tree: RunTree, request_id: str) -> list[str]:
    """Return why a request as a whole has failed, or who keeps it from its end."""
    if failure := progress.failure_of(tree, request_id):
        return [f"{request_id} failed: {failure}"]
    return [f"{request_id} {pause}" for pause in _pauses(tree, request_id)]


def _pauses(tree: RunTree, request_id: str) -> list[str]:
    """Return who paused a request that is not at its end: `foa resume`, and it can be run on."""
    return [] if progress_of(tree, request_id).finished else pauses_of(tree, request_id)


def _costs(ended: Sequence[JobEnded], wall_s: float, *, has_faults: bool) -> object:
    if ended:
        return timing.times_table(ended, wall_s)
    return "no job submitted" if has_faults else "everything was done already: no job submitted"


def _follow(embedded: Embedded, submitted: Sequence[RequestSubmitted], console: Console) -> bool:
    """Run with a live table; return False when interrupted."""
    try:
        with Live(console=console, refresh_per_second=4) as live:

            def watch() -> None:
                tables = (progress.runs_table(embedded.tree, one.request.id) for one in submitted)
                live.update(Group(*tables))

            embedded.run(submitted, watch)
        if not console.is_terminal:
            console.print()  # `Live` leaves the last line open
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


def _tell(
    console: Console, tree: RunTree, requests: Sequence[Request], faults: Mapping[str, list[str]]
) -> None:
    for request in requests:
        for fault in faults[request.id]:
            print_line(console, fault, style="red")
        if directory := results.newest_results(tree, request.id):
            print_line(console, f"{request.target.name}: {directory.name}")
            results.print_results(console, directory)


def _describe(tree: RunTree, request_id: str) -> dict[str, object]:
    directory = results.newest_results(tree, request_id)
    states = progress.states_of(tree, request_id)
    return {
        "request": request_id,
        "failure": progress.failure_of(tree, request_id),
        "paused": _pauses(tree, request_id),
        "results": str(directory / "results.json") if directory else None,
        "runs": [state.__dict__ for state in states],
    }


@contextmanager
def _alone(site: Site) -> Iterator[None]:
    """Let one `foa run` at a time work in the run tree of a site.

    Raises
    ------
    Unavailable
        If another one is at work, or the tree is not mounted or cannot be written.
    """
    make_writable(site)
    with RunTree(site.tree).lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"another `foa run` is at work in {site.tree}") from error
        yield
