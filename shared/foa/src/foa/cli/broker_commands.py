"""Commands about the broker: what it needs to know, and messages that could not be handled."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from foa.bus import Parked
from foa.bus.rabbitmq import RabbitBroker
from foa.bus.rabbitmq.definitions import make_definitions
from foa.cli.options import (
    JsonOption,
    SiteOption,
    YesOption,
    complete_service,
    site_file,
    site_of,
)
from foa.cli.output import print_rows, printable
from foa.errors import FoaError
from foa.pipeline import find_service, publishers
from foa.service.assembly import broker_of

ServiceArgument = Annotated[
    str, typer.Argument(help="whose messages", autocompletion=complete_service)
]
PositionArgument = Annotated[int | None, typer.Argument(help="which one; all without it")]


def apply(site: SiteOption = None) -> None:
    """Declare exchanges, queues and bindings; messages that are there already stay.

    Queues of an older version are made anew: stop their services first.
    """
    sys.stdout.write(f"{broker_of(site_of(site)).declare()} things declared\n")


def users(site: SiteOption = None) -> None:
    """Make every user's password; print users and rights for `rabbitmqctl import_definitions`."""
    broker = site_of(site).broker
    if broker is None:
        raise FoaError(f"{site_file(site)} names no broker")
    definitions = make_definitions(broker.vhost, publishers(), broker.passwords)
    sys.stdout.write(json.dumps(definitions, indent=1) + "\n")


def list_parked(
    service: ServiceArgument, site: SiteOption = None, as_json: JsonOption = False
) -> None:
    """List parked messages with the reason of each."""
    parked = _broker(site, service).list_parked(service)
    rows = [{"position": one.position, "reason": one.reason} for one in parked]
    print_rows(rows, as_json=as_json)


def show_parked(service: ServiceArgument, position: int, site: SiteOption = None) -> None:
    """Print a parked message."""
    parked = _broker(site, service).list_parked(service)
    message = next((one for one in parked if one.position == position), None)
    if message is None:
        raise FoaError(f"{service} has no parked message {position}")
    sys.stdout.write(f"{printable(message.reason)}\n{_pretty(message)}\n")


def replay_parked(
    service: ServiceArgument, position: PositionArgument = None, site: SiteOption = None
) -> None:
    """Give parked messages back to their service."""
    count = _broker(site, service).replay_parked(service, position)
    sys.stdout.write(f"{count} replayed\n")


def drop_parked(
    service: ServiceArgument,
    position: PositionArgument = None,
    site: SiteOption = None,
    yes: YesOption = False,
) -> None:
    """Throw parked messages away, after asking."""
    if not yes:
        _confirm(f"all parked messages of {service}" if position is None else "this message")
    count = _broker(site, service).drop_parked(service, position)
    sys.stdout.write(f"{count} dropped\n")


def _confirm(what: str) -> None:
    """Ask whether something shall be dropped; end the command unless it shall.

    Raises
    ------
    FoaError
        If there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise FoaError(f"nothing dropped: without a terminal, --yes is needed to drop {what}")
    typer.confirm(f"Drop {what} for good?", abort=True)


def _broker(site: Path | None, service: str) -> RabbitBroker:
    """Return the broker of a site, if there is such a service."""
    broker = broker_of(site_of(site))
    find_service(service)
    return broker


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
