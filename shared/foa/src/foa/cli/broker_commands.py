"""Commands about the broker: what it needs to know, and messages that could not be handled."""

import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from foa.bus import Parked
from foa.bus.rabbitmq.definitions import make_definitions
from foa.cli.options import DEMO_SITE, JsonOption, SiteOption
from foa.cli.output import print_rows
from foa.errors import FoaError
from foa.pipeline import publishers
from foa.service.assembly import broker_of
from foa.site import read_site

ServiceArgument = Annotated[str, typer.Argument(help="whose messages")]
PositionArgument = Annotated[int | None, typer.Argument(help="which one; all without it")]


def apply(site: SiteOption = DEMO_SITE) -> None:
    """Declare exchanges, queues and bindings; what is there already stays."""
    sys.stdout.write(f"{broker_of(read_site(site)).declare()} things declared\n")


def users(site: SiteOption = DEMO_SITE) -> None:
    """Make every user's password; print users and rights for `rabbitmqctl import_definitions`."""
    broker = read_site(site).broker
    if broker is None:
        raise FoaError(f"{site} names no broker")
    try:
        definitions = make_definitions(broker.vhost, publishers(), broker.passwords)
    except OSError as error:
        raise FoaError(f"{error.filename}: {error.strerror}") from error
    sys.stdout.write(json.dumps(definitions, indent=1) + "\n")


def list_parked(
    service: ServiceArgument, site: SiteOption = DEMO_SITE, as_json: JsonOption = False
) -> None:
    """List parked messages with the reason of each."""
    parked = broker_of(read_site(site)).list_parked(service)
    rows = [{"position": one.position, "reason": one.reason} for one in parked]
    print_rows(rows, as_json=as_json)


def show_parked(service: ServiceArgument, position: int, site: SiteOption = DEMO_SITE) -> None:
    """Print a parked message."""
    parked = broker_of(read_site(site)).list_parked(service)
    message = next((one for one in parked if one.position == position), None)
    if message is None:
        raise FoaError(f"{service} has no parked message {position}")
    sys.stdout.write(f"{message.reason}\n{_pretty(message)}\n")


def replay_parked(
    service: ServiceArgument, position: PositionArgument = None, site: SiteOption = DEMO_SITE
) -> None:
    """Give parked messages back to their service."""
    count = broker_of(read_site(site)).replay_parked(service, position)
    sys.stdout.write(f"{count} replayed\n")


def drop_parked(
    service: ServiceArgument, position: PositionArgument = None, site: SiteOption = DEMO_SITE
) -> None:
    """Throw parked messages away."""
    count = broker_of(read_site(site)).drop_parked(service, position)
    sys.stdout.write(f"{count} dropped\n")


def _pretty(message: Parked) -> str:
    try:
        return json.dumps(json.loads(message.body), indent=1)
    except ValueError:
        return repr(message.body)


GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "bus": ("Administer the broker.", {"apply": apply, "users": users}),
    "dlq": (
        "Look after messages that a service could not handle.",
        {"ls": list_parked, "show": show_parked, "replay": replay_parked, "drop": drop_parked},
    ),
}
"""Help and commands by group."""
