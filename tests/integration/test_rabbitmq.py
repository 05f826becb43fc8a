"""The bus over a real RabbitMQ: nothing is lost, nothing blocks the rest, every service has its own rights."""

import signal
import threading
import time

import pika
import pytest
from foa.bus import topology
from foa.bus.administration import drop_parked, list_parked, replay_parked
from foa.bus.definitions import ADMINISTRATOR
from foa.bus.rabbitmq import BrokerAway, RabbitBus, parameters_of
from foa.testing import factories


@pytest.fixture(scope="module")
def broker(stack):
    return stack.broker


@pytest.fixture
def connect(stack, broker):
    """A bus with a handler, connected."""
    buses = []

    def make(service="dl2-converter", handler=None):
        bus = RabbitBus(broker.address_of(service), service, "1")
        if handler:
            bus.subscribe((), handler)
        bus.start()
        buses.append(bus)
        wait_until(lambda: bus.connected)
        return bus

    yield make
    for bus in buses:
        bus.stop()
    stack.empty_queues()


def wait_until(condition, limit=60):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def deliver_until(bus, condition, limit=60):
    wait_until(lambda: [bus.deliver(0.1)] and condition(), limit)
    while bus.deliver(0.1):
        pass


def test_a_manifest_reaches_the_service_that_consumes_its_kind(connect):
    heard = []
    bus = connect(handler=heard.append)
    manifest = factories.run_selected()
    bus.publish(manifest)
    deliver_until(bus, lambda: heard)
    assert heard == [manifest]


def test_a_kind_nobody_consumes_has_a_place_to_go(connect):
    connect().publish(factories.run_failed())


def test_two_replicas_share_the_work(connect):
    heard = [], []
    first, second = connect(handler=heard[0].append), connect(handler=heard[1].append)
    for obs_id in range(40):
        first.publish(factories.run_selected(obs_id))
    wait_until(lambda: [bus.deliver(0.05) for bus in (first, second)] and sum(map(len, heard)) == 40)
    assert {manifest.obs_id for lot in heard for manifest in lot} == set(range(40))
    assert all(heard)


def test_what_is_no_manifest_is_parked_at_once_with_the_reason(connect, broker):
    bus = connect(handler=lambda manifest: pytest.fail("must not be handled"))
    with pika.BlockingConnection(parameters_of(broker.address_of(ADMINISTRATOR))) as connection:
        connection.channel().basic_publish(topology.EXCHANGE, "run.selected", b'{"kind": "run.selected"}')
    assert bus.deliver(10)
    (parked,) = list_parked(broker.address_of(ADMINISTRATOR), "dl2-converter")
    assert "request" in parked.reason


def test_a_handler_that_always_fails_ends_in_the_parking_queue_and_the_others_go_on(connect, broker, monkeypatch):
    monkeypatch.setattr(topology, "RETRY_DELAYS_S", (5,))
    healed, heard = threading.Event(), []

    def handle(manifest):
        if manifest.obs_id == 13 and not healed.is_set():
            raise OSError("disk away")
        heard.append(manifest.obs_id)

    bus = connect(handler=handle)
    for obs_id in (13, 14):
        bus.publish(factories.run_selected(obs_id))
    administrator = broker.address_of(ADMINISTRATOR)
    deliver_until(bus, lambda: heard == [14])
    deliver_until(bus, lambda: list_parked(administrator, "dl2-converter"))
    (parked,) = list_parked(administrator, "dl2-converter")
    assert "disk away" in parked.reason
    healed.set()
    assert replay_parked(administrator, "dl2-converter") == 1
    deliver_until(bus, lambda: heard == [14, 13])
    assert list_parked(administrator, "dl2-converter") == []


def test_a_parked_message_can_be_dropped(connect, broker):
    bus = connect(handler=lambda manifest: None)
    administrator = broker.address_of(ADMINISTRATOR)
    with pika.BlockingConnection(parameters_of(administrator)) as connection:
        connection.channel().basic_publish(topology.EXCHANGE, "run.selected", b"rubbish")
    assert bus.deliver(10)
    assert drop_parked(administrator, "dl2-converter", 0) == 1
    assert list_parked(administrator, "dl2-converter") == []


def test_a_message_whose_consumer_dies_comes_again(connect):
    heard = []
    dying = connect(handler=heard.append)
    dying.publish(factories.run_selected())
    wait_until(lambda: not dying._inbox.empty())
    dying.stop()
    another = connect(handler=heard.append)
    deliver_until(another, lambda: heard)
    assert len(heard) == 1


def test_nothing_confirmed_is_lost_when_the_broker_is_killed(connect, broker):
    heard = []
    bus = connect(handler=heard.append)
    confirmed = []
    killer = threading.Timer(0.5, lambda: broker.stop(signal.SIGKILL))
    killer.start()
    for obs_id in range(10_000):
        try:
            bus.publish(factories.run_selected(obs_id))
        except BrokerAway:
            break
        confirmed.append(obs_id)
    killer.join()
    assert confirmed
    with pytest.raises(BrokerAway):
        bus.publish(factories.run_selected(10_001))
    broker.start()
    wait_until(lambda: bus.connected)
    deliver_until(bus, lambda: {manifest.obs_id for manifest in heard} >= set(confirmed))


def test_a_service_can_neither_read_anothers_queue_nor_declare_one(broker):
    for action in (
        lambda channel: channel.basic_get(topology.queue_of("dl3-maker")),
        lambda channel: channel.queue_declare("mine"),
    ):
        connection = pika.BlockingConnection(parameters_of(broker.address_of("dl2-converter")))
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            action(connection.channel())
        connection.close()
