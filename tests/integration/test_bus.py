"""One contract for every bus: nothing is lost, nothing blocks the rest, replicas share the work."""

import threading
import time

import pytest

from foa.bus import Handlings, MemoryBroker
from foa.bus.retries import DELIVERY_LIMIT
from foa.pipeline import consumers
from foa_stage.manifests import ManifestRejected
from foa_testing.fakes import factories
from foa_testing.stack.processes import wait_until

SPEAKER = "selector"
"""Publishes what dl2-converter and irf-builder consume."""
HEARER = "dl2-converter"
RETRY_DELAYS_S = (5,)
"""A queue for it is declared at RabbitMQ."""


class InMemory:
    """The bus of one process."""

    def __init__(self):
        self.administration = MemoryBroker(consumers(), RETRY_DELAYS_S)

    def connect(self, service, observe, handlings):
        return self.administration.connect(service, observe, handlings)

    def publish_raw(self, kind, body):
        self.administration.route(kind, body)

    def clear(self):
        pass


class OverRabbitMQ:
    """The bus over real servers."""

    def __init__(self, stack):
        self.administration = stack.rabbitmq.administration

    def connect(self, service, observe, handlings):
        return self.administration.connect(service, "1", observe, handlings, RETRY_DELAYS_S)

    def publish_raw(self, kind, body):
        self.administration.publish_raw(kind, body)

    def clear(self):
        self.administration.purge()


class Killed(BaseException):
    """Ends a service as a signal does: nothing in it goes on."""


@pytest.fixture(params=["memory", "rabbitmq"])
def broker(request):
    broker = (
        InMemory() if request.param == "memory" else OverRabbitMQ(request.getfixturevalue("stack"))
    )
    yield broker
    broker.clear()


@pytest.fixture
def connect(broker, tmp_path, start_bus):
    """A connected bus with a handler; the handlings of a service are noted in one place."""

    def make(
        service="dl2-converter", handler=lambda manifest: None, observe=lambda delivered: None
    ):
        bus = broker.connect(service, observe, Handlings(tmp_path / "handlings" / service))
        return start_bus(bus, handler)

    return make


def deliver_all(bus):
    while bus.deliver(0.1):
        pass


def deliver_until(bus, condition):
    wait_until(lambda: [deliver_all(bus)] and condition())


def test_a_manifest_reaches_the_service_that_consumes_its_kind(connect):
    heard = []
    bus = connect(handler=heard.append)
    manifest = factories.run_selected()
    connect(SPEAKER).publish(manifest)
    deliver_until(bus, lambda: heard)
    assert heard == [manifest]
    assert heard[0].id == manifest.id


def test_a_manifest_reaches_every_service_that_consumes_its_kind(connect):
    heard = {"dl2-converter": [], "irf-builder": []}
    buses = [connect(service, handler=told.append) for service, told in heard.items()]
    connect(SPEAKER).publish(factories.run_selected())
    for bus, told in zip(buses, heard.values(), strict=True):
        deliver_until(bus, lambda told=told: told)
    assert [len(told) for told in heard.values()] == [1, 1]


def test_a_kind_nobody_consumes_has_a_place_to_go(connect):
    connect("analyzer").publish(factories.analysis_ready())
    for service in consumers():
        assert connect(service, handler=pytest.fail).deliver(0.1) is False


def test_without_a_message_a_delivery_ends_in_time(connect):
    begun = time.monotonic()
    assert connect().deliver(0.2) is False
    assert time.monotonic() - begun < 60


def test_messages_come_in_the_order_of_publication(connect):
    heard = []
    bus = connect(handler=lambda manifest: heard.append(manifest.obs_id))
    speaker = connect(SPEAKER)
    for obs_id in range(10):
        speaker.publish(factories.run_selected(obs_id))
    deliver_until(bus, lambda: len(heard) == 10)
    assert heard == list(range(10))


def test_two_replicas_share_the_work(connect):
    heard = [], []
    first, second = connect(handler=heard[0].append), connect(handler=heard[1].append)
    speaker = connect(SPEAKER)
    for obs_id in range(40):
        speaker.publish(factories.run_selected(obs_id))
    wait_until(
        lambda: [bus.deliver(0.05) for bus in (first, second)] and sum(map(len, heard)) == 40
    )
    assert {manifest.obs_id for lot in heard for manifest in lot} == set(range(40))
    assert all(heard)


def test_manifests_published_together_come_in_order_and_each_is_told_to_be_safe(connect):
    heard, safe = [], []
    bus, manifests = connect(handler=heard.append), [factories.run_selected(n) for n in range(50)]
    connect(SPEAKER).publish_all(manifests, safe.append)
    assert safe == manifests
    deliver_until(bus, lambda: len(heard) == 50)
    assert heard == manifests


def test_nothing_is_published_together_at_once(connect):
    connect(SPEAKER).publish_all([], pytest.fail)


def speak(connect, count):
    manifests = [factories.run_selected(obs_id) for obs_id in range(count)]
    connect(SPEAKER).publish_all(manifests, lambda manifest: None)


def die(connect, handler):
    """Let a service be ended by its handler."""
    dying = connect(handler=handler)
    with pytest.raises(Killed):
        deliver_until(dying, lambda: False)
    dying.stop()


def test_a_message_that_ends_its_service_again_and_again_is_parked(connect, broker):
    heard = []

    def handle(manifest):
        if manifest.obs_id == 3:
            raise Killed
        heard.append(manifest.obs_id)

    speak(connect, 30)
    for _ in range(DELIVERY_LIMIT):
        die(connect, handle)
    bus, administration = connect(handler=handle), broker.administration
    deliver_until(bus, lambda: set(heard) == set(range(30)) - {3})
    (parked,) = administration.list_parked(HEARER)
    assert f"begun {DELIVERY_LIMIT} times and never ended" in parked.reason
    bus.stop()
    assert administration.replay_parked(HEARER) == 1  # it counts as new
    die(connect, handle)


def test_a_message_is_not_parked_because_others_ended_its_service(connect, broker):
    heard, doomed = [], set(range(DELIVERY_LIMIT + 2))

    def handle(manifest):
        if manifest.obs_id in doomed:
            doomed.remove(manifest.obs_id)
            raise Killed
        heard.append(manifest.obs_id)

    speak(connect, 150)
    for _ in list(doomed):
        die(connect, handle)
    deliver_until(connect(handler=handle), lambda: set(heard) == set(range(150)))
    assert broker.administration.list_parked(HEARER) == []


def test_what_is_of_a_version_nobody_reads_does_not_keep_others_from_their_service(connect, broker):
    heard = []
    bus, manifest = connect(handler=heard.append), factories.run_selected()
    broker.publish_raw(manifest.kind, b'{"kind": "run.selected", "schema_version": 0}')
    connect(SPEAKER).publish(manifest)
    deliver_until(bus, lambda: heard)
    assert heard == [manifest]
    assert len(broker.administration.list_parked(HEARER)) == 1


def test_a_bus_is_alive_until_it_stops(connect):
    assert connect().alive


def test_what_is_no_manifest_is_parked_at_once_with_the_reason(connect, broker):
    bus = connect(handler=lambda manifest: pytest.fail("must not be handled"))
    broker.publish_raw("run.selected", b'{"kind": "run.selected"}')
    assert bus.deliver(60)
    (parked,) = broker.administration.list_parked("dl2-converter")
    assert "request" in parked.reason


def test_a_handler_that_always_fails_ends_in_parking_and_the_others_go_on(connect, broker):
    healed, heard = threading.Event(), []

    def handle(manifest):
        if manifest.obs_id == 13 and not healed.is_set():
            raise RuntimeError("cannot be handled")
        heard.append(manifest.obs_id)

    bus, speaker = connect(handler=handle), connect(SPEAKER)
    for obs_id in (13, 14):
        speaker.publish(factories.run_selected(obs_id))
    administration = broker.administration
    deliver_until(bus, lambda: heard == [14])
    deliver_until(bus, lambda: administration.list_parked("dl2-converter"))
    (parked,) = administration.list_parked("dl2-converter")
    assert "cannot be handled" in parked.reason
    healed.set()
    assert administration.replay_parked("dl2-converter") == 1
    deliver_until(bus, lambda: heard == [14, 13])
    assert administration.list_parked("dl2-converter") == []


def test_a_reason_that_is_no_text_keeps_nothing_from_being_parked(connect, broker):
    def reject(manifest):
        raise ManifestRejected("no file \udcff.fits")

    bus = connect(handler=reject)
    connect(SPEAKER).publish(factories.run_selected())
    assert bus.deliver(60)
    (parked,) = broker.administration.list_parked(HEARER)
    assert parked.reason.startswith("no file ")


def test_a_parked_message_can_be_dropped_and_the_others_stay(connect, broker):
    bus = connect()
    for text in (b"rubbish", b"more rubbish"):
        broker.publish_raw("run.selected", text)
        assert bus.deliver(60)
    assert broker.administration.drop_parked("dl2-converter", 0) == 1
    (left,) = broker.administration.list_parked("dl2-converter")
    assert left.body == b"more rubbish"


def test_a_message_whose_consumer_leaves_before_it_is_handled_comes_again(connect):
    heard = []
    leaving = connect(handler=heard.append)
    connect(SPEAKER).publish(factories.run_selected())
    leaving.stop()
    another = connect(handler=heard.append)
    deliver_until(another, lambda: heard)
    assert len(heard) == 1


def test_every_delivery_is_observed_with_its_outcome(connect, broker):
    seen = []
    bus = connect(observe=seen.append)
    connect(SPEAKER).publish(factories.run_selected())
    assert bus.deliver(60)
    broker.publish_raw("run.selected", b"rubbish")
    assert bus.deliver(60)
    assert [delivered.outcome for delivered in seen] == ["handled", "parked"]
    assert all(delivered.waited_s >= 0 for delivered in seen)


def test_the_topology_may_be_declared_again_and_what_is_there_stays(connect, broker):
    bus = connect()
    broker.publish_raw("run.selected", b"rubbish")
    assert bus.deliver(60)
    broker.administration.reach()
    broker.administration.declare()
    assert len(broker.administration.list_parked("dl2-converter")) == 1
