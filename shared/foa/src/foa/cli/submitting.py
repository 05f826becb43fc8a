"""Say something to the services of a site: submit, cancel, hold, comment."""

import time
from collections.abc import Iterable, Sequence

from foa import __version__
from foa.bus import Bus, BusAway
from foa.bus.rabbitmq.definitions import OPERATOR
from foa.errors import Unavailable
from foa.service.assembly import broker_of, make_writable
from foa.site import Site
from foa_stage.manifests import Message, ServiceHeld
from foa_stage.tree import RunTree

PATIENCE_S = 15.0
"""For the connection to the broker."""


def publish(site: Site, messages: Sequence[Message]) -> None:
    """Hand messages to the daemons, which record them.

    Raises
    ------
    Unavailable
        If the broker does not take all of them; says which it has and which it may not have.
    """
    safe: list[Message] = []
    bus = broker_of(site).connect(OPERATOR, __version__)
    bus.start()
    _wait_for(bus)
    try:
        bus.publish_all(messages, safe.append)
    except BusAway as error:
        raise Unavailable(f"{_tell_apart(messages, safe)}: {error}") from error
    finally:
        bus.stop()


def _tell_apart(messages: Sequence[Message], safe: Sequence[Message]) -> str:
    """Say what the broker has, and what it did not confirm."""
    missing = [one for one in messages if one not in safe]
    told = f"not submitted: {_name(missing)}"
    return f"submitted: {_name(safe)}; {told}" if safe else told


def _name(messages: Iterable[Message]) -> str:
    named = (one.kind if isinstance(one, ServiceHeld) else one.request.id for one in messages)
    return ", ".join(dict.fromkeys(named))


def say(site: Site, message: Message) -> None:
    """Say something to the daemons of a site, or, without a broker, to whatever `foa run` works.

    Raises
    ------
    Unavailable
        If the broker does not take it, or the run tree is not mounted or cannot be written.
    """
    if site.broker is not None:
        publish(site, [message])
        return
    make_writable(site)
    if isinstance(message, ServiceHeld):
        RunTree(site.tree).hear_hold(message)
    else:
        RunTree(site.tree).record(message)


def _wait_for(bus: Bus) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not bus.connected and time.monotonic() < deadline:
        time.sleep(0.05)
