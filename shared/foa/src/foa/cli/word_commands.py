"""Commands that say something about requests and services; who, when and why are kept."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from foa.cli import inspection, running, submitting
from foa.cli.options import RequestArgument, SiteOption, complete_service, existing_tree, site_of
from foa.errors import FoaError
from foa.intake.submission import said, submission
from foa.pipeline import find_service
from foa.site import Site
from foa_stage.manifests import (
    Message,
    Request,
    RequestCancelled,
    RequestCommented,
    RequestHeld,
    RequestPinned,
    RequestSubmitted,
    ServiceHeld,
    Veto,
)
from foa_stage.tree import RunTree

WhyOption = Annotated[str, typer.Option("--why", help="the reason, shown with the request")]
RunNumber = Annotated[int, typer.Argument(help="run number")]
ServiceOption = Annotated[
    str,
    typer.Option("--service", help="a service, for all requests", autocompletion=complete_service),
]
AllOption = Annotated[bool, typer.Option("--all", help="all services, for all requests")]


def cancel(request: RequestArgument, why: WhyOption = "", site: SiteOption = None) -> None:
    """Stop working on a request and end its jobs, until it is submitted again."""
    here, found = _find(site, request)
    submitting.say(here, RequestCancelled(request=found, said=said(why)))


def pause(
    request: RequestArgument = "",
    service: ServiceOption = "",
    everything: AllOption = False,
    why: WhyOption = "",
    site: SiteOption = None,
) -> None:
    """Submit no more jobs of a request, of a service, or at all; jobs under way go on."""
    _hold(site, request, service, everything=everything, held=True, why=why)


def resume(
    request: RequestArgument = "",
    service: ServiceOption = "",
    everything: AllOption = False,
    why: WhyOption = "",
    site: SiteOption = None,
) -> None:
    """Go on with what was paused."""
    _hold(site, request, service, everything=everything, held=False, why=why)


def comment(
    request: RequestArgument,
    text: Annotated[str, typer.Argument(help="the remark")],
    site: SiteOption = None,
) -> None:
    """Leave a remark that is shown with the request."""
    here, found = _find(site, request)
    submitting.say(here, RequestCommented(request=found, said=said(text)))


def veto(
    request: RequestArgument,
    run: RunNumber,
    why: WhyOption = "",
    lift: Annotated[bool, typer.Option("--lift", help="take a veto back")] = False,
    site: SiteOption = None,
) -> None:
    """Leave a run out of a request, and analyse the others anew."""
    here, found = _find(site, request)
    tree = RunTree(here.tree)
    inspection.reject_foreign_run(tree, found, run)
    others = tuple(one for one in tree.vetoes(found.id) if one.obs_id != run)
    vetoes = others if lift else (*others, Veto(obs_id=run, said=said(why)))
    submit_again(here, submission(found, tree, why=why, vetoes=vetoes))


def pin(request: RequestArgument, why: WhyOption = "", site: SiteOption = None) -> None:
    """Keep all products of a request, whatever their age."""
    here, found = _find(site, request)
    submitting.say(here, RequestPinned(request=found, pinned=True, said=said(why)))


def unpin(request: RequestArgument, why: WhyOption = "", site: SiteOption = None) -> None:
    """Let old products of a request be cleaned away again."""
    here, found = _find(site, request)
    submitting.say(here, RequestPinned(request=found, pinned=False, said=said(why)))


def submit_again(site: Site, submitted: RequestSubmitted, *, as_json: bool = False) -> None:
    """Hand a request to the daemons once more, or run it here where there are none."""
    if site.broker is None:
        raise typer.Exit(running.run_requests(site, [submitted], as_json=as_json))
    submitting.publish(site, [submitted])
    sys.stdout.write(f"{submitted.request.id}\n")


def _hold(
    site: SiteOption, request: str, service: str, *, everything: bool, held: bool, why: str
) -> None:
    if sum(map(bool, (request, service, everything))) != 1:
        raise FoaError("name a request, or --service NAME, or --all")
    message: Message
    if request:
        here, found = _find(site, request)
        message = RequestHeld(request=found, held=held, said=said(why))
    else:
        here = site_of(site)
        name = find_service(service).name if service else ""
        message = ServiceHeld(service=name, held=held, said=said(why))
    submitting.say(here, message)


def _find(site: SiteOption, request: str) -> tuple[Site, Request]:
    here = site_of(site)
    return here, inspection.find_request(existing_tree(here), request)


COMMANDS: dict[str, Callable[..., None]] = {
    "cancel": cancel,
    "pause": pause,
    "resume": resume,
    "veto": veto,
    "comment": comment,
    "pin": pin,
    "unpin": unpin,
}
