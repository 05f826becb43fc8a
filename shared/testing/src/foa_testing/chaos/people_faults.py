"""Faults of messages, and what people say in between."""

from functools import partial
from pathlib import Path
from random import Random

from foa.bus import BusAway
from foa_stage.manifests import Message
from foa_testing.chaos.world import World
from foa_testing.stack.processes import StackError, wait_until


def lose_message(world: World, chance: Random) -> str:
    """Take a message away from a service; somebody submits its request again."""
    service = chance.choice(sorted(set(world.crew.services.values())))
    lost: list[Message] = []
    if "broker" in world.disturbed or not _take(world, service, lost):
        return ""
    message = lost[0]
    if request := getattr(message, "request", None):
        again = world.people.submit_again(request.id, retry=chance.random() < 0.5)
        return f"{message.kind} to {service}{', request submitted again' if again else ''}"
    return f"{message.kind} to {service}"


def _take(world: World, service: str, lost: list[Message]) -> bool:
    """Take one message from the queue of a service, if there is one."""
    thief = world.stack.rabbitmq.administration.connect(service, "1")
    thief.subscribe(lost.append)
    thief.start()
    try:
        wait_until(lambda: thief.connected, "the broker", 5)
        return thief.deliver(0.3) and bool(lost)
    except (StackError, BusAway):
        return False
    finally:
        thief.stop()


def repeat_message(world: World, chance: Random) -> str:
    """Publish a recorded manifest again, of whatever generation."""
    recorded = sorted(world.people.tree.root.glob("requests/*/manifests/*/[!.]*.json"))
    if not recorded or "broker" in world.disturbed:
        return ""
    path = chance.choice(recorded)
    try:
        world.stack.rabbitmq.administration.publish_raw(_kind_of(path), path.read_bytes())
    except BusAway:
        return ""
    return f"{path.parents[2].name} {path.name}"


def _kind_of(path: Path) -> str:
    return path.name.rsplit(".", 3)[0]


def cancel(world: World, chance: Random) -> str:
    """Cancel a request."""
    if request_id := _choose(world.people.unfinished, chance):
        world.people.cancel(request_id)
    return request_id


def pause_request(world: World, chance: Random) -> str:
    """Hold a request for a while."""
    request_id = _choose(world.people.unfinished, chance)
    seconds, hold = chance.uniform(1, 20), partial(world.people.hold, request_id)
    if not request_id or not world.disturb(
        f"hold of {request_id}", seconds, partial(hold, held=True), partial(hold, held=False)
    ):
        return ""
    return f"{request_id} for {seconds:.0f} s"


def pause_service(world: World, chance: Random) -> str:
    """Hold a service, or all, for a while."""
    service = chance.choice(["", *sorted(set(world.crew.services.values()))])
    seconds, hold = chance.uniform(1, 20), partial(world.people.hold_service, service)
    subject = f"hold of service {service}"
    done = world.disturb(subject, seconds, partial(hold, held=True), partial(hold, held=False))
    return f"{service or 'all'} for {seconds:.0f} s" if done else ""


def retry(world: World, chance: Random) -> str:
    """Submit any request again, its failed work too."""
    return _submit_again(world, chance, retry=True)


def submit_again(world: World, chance: Random) -> str:
    """Submit any request again."""
    return _submit_again(world, chance, retry=False)


def _submit_again(world: World, chance: Random, *, retry: bool) -> str:
    request_id = _choose(list(world.people.expected), chance)
    done = request_id and world.people.submit_again(request_id, retry=retry)
    return request_id if done else ""


def _choose(request_ids: list[str], chance: Random) -> str:
    """Return one of some requests; empty if there is none."""
    return chance.choice(request_ids) if request_ids else ""
