"""Commands that speak to the broker."""

import importlib.metadata
import json
import sys
import time

from foa.bus.address import BrokerAddress
from foa.bus.administration import Parked, declare, drop_parked, list_parked, replay_parked
from foa.bus.definitions import ADMINISTRATOR, OPERATOR, make_definitions
from foa.bus.rabbitmq import BrokerAway, RabbitBus
from foa.bus.topology import topology
from foa.cli.asking import submission
from foa.errors import FoaError
from foa.manifests import Request
from foa.service.embedded import installed_services
from foa.site import Site
from foa.tree import RunTree

PATIENCE_S = 15.0


def address_of(site: Site, user: str) -> BrokerAddress:
    """How a user reaches the site's broker.

    Raises
    ------
    FoaError
        If the site has none, or there is no password.
    """
    if site.broker is None:
        raise FoaError(f"site {site.name} names no broker")
    address = site.broker.address_of(user)
    if not address.password_file.exists():
        raise FoaError(f"no password for the broker's user {user}: {address.password_file} is missing")
    return address


def apply_topology(site: Site) -> int:
    """Declare everything the installed services need; how many things."""
    consumers = {service.name: service.consumes for service in installed_services()}
    return declare(address_of(site, ADMINISTRATOR), topology(consumers))


def definitions(site: Site) -> str:
    """Virtual host, users and rights for RabbitMQ to import; makes the passwords that are missing.

    Raises
    ------
    FoaError
        If the site has no broker, or passwords cannot be written.
    """
    if site.broker is None:
        raise FoaError(f"site {site.name} names no broker")
    services = [service.name for service in installed_services()]
    try:
        return json.dumps(make_definitions(site.broker.vhost, services, site.broker.passwords), indent=1)
    except OSError as error:
        raise FoaError(f"{error.filename}: {error.strerror}") from error


def submit(site: Site, requests: list[Request]) -> list[str]:
    """Hand requests to the daemons; their ids.

    Raises
    ------
    FoaError
        If the broker does not take them.
    """
    bus = RabbitBus(address_of(site, OPERATOR), OPERATOR, importlib.metadata.version("lst-foa-shared"))
    bus.start()
    deadline = time.monotonic() + PATIENCE_S
    while not bus.connected and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        for request in requests:
            manifest = submission(request)
            RunTree(site.tree).record(manifest)
            bus.publish(manifest)
    except BrokerAway as error:
        raise FoaError(f"not submitted: {error}") from error
    finally:
        bus.stop()
    return [request.id for request in requests]


def parked_messages(site: Site, service: str) -> list[Parked]:
    """What a service could not handle."""
    return list_parked(address_of(site, ADMINISTRATOR), service)


def replay(site: Site, service: str, position: int | None) -> int:
    """Give parked messages back to their service; how many."""
    return replay_parked(address_of(site, ADMINISTRATOR), service, position)


def drop(site: Site, service: str, position: int | None) -> int:
    """Throw parked messages away; how many."""
    return drop_parked(address_of(site, ADMINISTRATOR), service, position)


def show_parked(site: Site, service: str, position: int) -> None:
    """Print one parked message.

    Raises
    ------
    FoaError
        If there is none at this position.
    """
    for parked in parked_messages(site, service):
        if parked.position == position:
            sys.stdout.write(f"{parked.reason}\n{_pretty(parked.body)}\n")
            return
    raise FoaError(f"{service} has no parked message {position}")


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=1)
    except ValueError:
        return repr(body)
