"""Commands about requests: run, submit, look at, do again."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from foa.cli import inspection, running, submitting
from foa.cli.options import (
    DEMO_SITE,
    JsonOption,
    RequestArgument,
    RequestFiles,
    SiteOption,
    tree_of,
)
from foa.cli.output import print_rows
from foa.intake.request_files import read_request
from foa.site import read_site
from foa_stage.tree import RunTree

RunArgument = Annotated[int | None, typer.Argument(help="run number; everything without it")]


def run(requests: RequestFiles, site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """Run requests to their end: all services in this process.

    Ctrl-C at any time: jobs under way go on by themselves, and the next `foa run` takes them up
    where they are.
    """
    here = read_site(site)
    resolved = [read_request(path, here) for path in requests]
    raise typer.Exit(running.run_requests(here, resolved, as_json=as_json))


def submit(requests: RequestFiles, site: SiteOption = DEMO_SITE) -> None:
    """Hand requests to the daemons of a site with a broker; `foa show` tells how they get on."""
    here = read_site(site)
    resolved = [read_request(path, here) for path in requests]
    for request_id in submitting.submit(here, resolved):
        sys.stdout.write(f"{request_id}\n")


def list_(site: SiteOption = DEMO_SITE, as_json: JsonOption = False) -> None:
    """List all requests and how far they are."""
    print_rows(inspection.list_requests(tree_of(site)), as_json=as_json)


def show(
    request: RequestArgument, site: SiteOption = DEMO_SITE, as_json: JsonOption = False
) -> None:
    """Show where every run of a request stands, and what was found."""
    inspection.show(tree_of(site), request, as_json=as_json)


def why(
    request: RequestArgument,
    run: RunArgument = None,
    site: SiteOption = DEMO_SITE,
    as_json: JsonOption = False,
) -> None:
    """Say why runs were graded as they were, why they failed, or what they wait for."""
    print_rows(inspection.explain(tree_of(site), request, run), as_json=as_json)


def log(
    request: RequestArgument,
    run: Annotated[int, typer.Argument(help="run number; 0 for selection and analysis")] = 0,
    site: SiteOption = DEMO_SITE,
) -> None:
    """Print what the newest jobs of a run wrote, stage by stage."""
    for line in inspection.logs(tree_of(site), request, run):
        sys.stdout.write(f"{line}\n")


def retry(
    request: RequestArgument,
    run: RunArgument = None,
    site: SiteOption = DEMO_SITE,
    as_json: JsonOption = False,
) -> None:
    """Do again what has failed, then all that depends on it."""
    here = read_site(site)
    found = inspection.find_request(RunTree(here.tree), request)
    inspection.forget_failures(RunTree(here.tree), found.id, run)
    raise typer.Exit(running.run_requests(here, [found], as_json=as_json))


COMMANDS: dict[str, Callable[..., None]] = {
    "run": run,
    "submit": submit,
    "list": list_,
    "show": show,
    "why": why,
    "log": log,
    "retry": retry,
}
