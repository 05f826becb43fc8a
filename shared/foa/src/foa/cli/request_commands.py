"""Commands about requests: run, submit, look at, do again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from foa.cli import inspection, listing, running, submitting
from foa.cli.options import (
    JsonOption,
    RequestArgument,
    RequestFiles,
    SiteOption,
    existing_tree,
    site_of,
    tree_of,
)
from foa.cli.output import printable
from foa.cli.word_commands import submit_again
from foa.intake.request_files import read_request
from foa.intake.submission import submission
from foa.site import Site
from foa_stage.manifests import RequestSubmitted
from foa_stage.tree import RunTree

RunArgument = Annotated[int | None, typer.Argument(help="run number; everything without it")]


def run(requests: RequestFiles, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Run requests to their end: all services in this process.

    Ctrl-C at any time: jobs under way go on by themselves, and the next `foa run` takes them up
    where they are.
    """
    here = site_of(site)
    submitted = _submissions(here, requests)
    raise typer.Exit(running.run_requests(here, submitted, as_json=as_json))


def submit(requests: RequestFiles, site: SiteOption = None) -> None:
    """Hand requests to the daemons of a site with a broker; `foa show` tells how they get on."""
    here = site_of(site)
    submitted = _submissions(here, requests)
    submitting.publish(here, submitted)
    for one in submitted:
        sys.stdout.write(f"{one.request.id}\n")


def _submissions(site: Site, paths: list[Path]) -> list[RequestSubmitted]:
    """Read request files, all of them before anything is submitted."""
    resolved = [read_request(path, site) for path in paths]
    return [submission(request, RunTree(site.tree)) for request in resolved]


def list_(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List all requests, how far they are, and first what is wrong."""
    listing.print_requests(tree_of(site), as_json=as_json)


def show(request: RequestArgument, site: SiteOption = None, as_json: JsonOption = False) -> None:
    """Show where every run of a request stands, and what was found."""
    raise typer.Exit(inspection.show(tree_of(site), request, as_json=as_json))


def why(
    request: RequestArgument,
    run: RunArgument = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why runs were graded as they were, why they failed, or what they wait for."""
    raise typer.Exit(inspection.why(tree_of(site), request, run, as_json=as_json))


def log(
    request: RequestArgument,
    run: Annotated[int, typer.Argument(help="run number; 0 for selection and analysis")] = 0,
    site: SiteOption = None,
) -> None:
    """Print what the newest jobs of a run wrote, stage by stage."""
    for line in inspection.logs(tree_of(site), request, run):
        sys.stdout.write(f"{printable(line)}\n")


def retry(
    request: RequestArgument,
    run: RunArgument = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do again what has failed, then all that depends on it."""
    here = site_of(site)
    tree = existing_tree(here)
    found = inspection.find_request(tree, request)
    if run is not None:
        inspection.reject_foreign_run(tree, found, run)
    again = submission(found, tree, retry=True, retried_run=run)
    submit_again(here, again, as_json=as_json)


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "submit": submit,
    "list": list_,
    "show": show,
    "why": why,
    "log": log,
    "retry": retry,
}
