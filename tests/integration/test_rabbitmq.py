"""What only a real RabbitMQ has: rights, kills, connections; the rest is in the bus's contract."""

import signal
import threading

import pika
import pytest

from foa.bus import BusAway
from foa.bus.rabbitmq import topology
from foa.bus.rabbitmq.definitions import ADMINISTRATOR
from foa.bus.rabbitmq.parameters import parameters_of
from foa.errors import FoaError
from foa_stage.manifests import write_manifest
from foa_testing.fakes import factories
from foa_testing.stack.processes import wait_until


@pytest.fixture(scope="module")
def rabbitmq(stack):
    return stack.rabbitmq


@pytest.fixture
def connect(rabbitmq):
    """A bus with a handler, connected."""
    buses = []

    def make(service="dl2-converter", handler=None):
        bus = rabbitmq.administration.connect(service, "1")
        if handler:
            bus.subscribe(handler)
        bus.start()
        buses.append(bus)
        wait_until(lambda: bus.connected)
        return bus

    yield make
    for bus in buses:
        bus.stop()
    rabbitmq.administration.purge()


def deliver_until(bus, condition):
    wait_until(lambda: [bus.deliver(0.1)] and condition())
    while bus.deliver(0.1):
        pass


def test_a_message_whose_consumer_dies_comes_again(connect):
    heard = []
    dying = connect("selector", handler=heard.append)
    connect("operator").publish(factories.request_submitted())
    wait_until(lambda: not dying._inbox.empty())
    dying.stop()
    another = connect("selector", handler=heard.append)
    deliver_until(another, lambda: heard)
    assert len(heard) == 1


def test_nothing_confirmed_is_lost_when_the_broker_is_killed(connect, rabbitmq):
    heard = []
    bus, selector = connect(handler=heard.append), connect("selector")
    confirmed = []
    killer = threading.Timer(0.5, lambda: rabbitmq.stop(signal.SIGKILL))
    killer.start()
    for obs_id in range(10_000):
        try:
            selector.publish(factories.run_selected(obs_id))
        except BusAway:
            break
        confirmed.append(obs_id)
    killer.join()
    assert confirmed
    with pytest.raises(BusAway):
        selector.publish(factories.run_selected(10_001))
    rabbitmq.start()
    wait_until(lambda: bus.connected)
    deliver_until(bus, lambda: {manifest.obs_id for manifest in heard} >= set(confirmed))


@pytest.mark.parametrize("value", ["many", -9, 2**62, {"a": 1}, [1], True, None])
def test_no_header_keeps_a_service_from_its_messages(connect, rabbitmq, value):
    heard = []

    def fail_at_first(manifest):
        heard.append(manifest)
        if len(heard) == 1:
            raise OSError("disk away")

    bus = connect(handler=fail_at_first)
    headers = {"x-foa-attempts": value, "x-foa-sent-ms": value}
    properties = pika.BasicProperties(headers=headers)
    parameters = parameters_of(rabbitmq.broker.address_of(ADMINISTRATOR))
    manifest = factories.run_selected()
    with pika.BlockingConnection(parameters) as connection:
        channel, body = connection.channel(), write_manifest(manifest)
        channel.basic_publish(topology.EXCHANGE, manifest.kind, body, properties)
    deliver_until(bus, lambda: heard)
    assert heard == [manifest]
    assert bus.connections == 1  # a message that is to be tried again, or parked, ended nothing


@pytest.mark.parametrize(
    "action",
    [
        lambda channel: channel.basic_get(topology.queue_of("dl3-maker")),
        lambda channel: channel.queue_declare("mine"),
    ],
)
def test_a_service_can_neither_read_anothers_queue_nor_declare_one(rabbitmq, action):
    parameters = parameters_of(rabbitmq.broker.address_of("dl2-converter"))
    connection = pika.BlockingConnection(parameters)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        action(connection.channel())
    connection.close()


def test_a_service_may_publish_only_the_kinds_it_declares(connect):
    connect("dl2-converter").publish(factories.dl2_ready())
    with pytest.raises(BusAway, match="ACCESS_REFUSED"):
        connect("dl2-converter").publish(factories.request_submitted())


def test_a_broker_that_is_away_and_a_missing_password_are_named(rabbitmq):
    elsewhere = rabbitmq.broker.model_copy(update={"port": rabbitmq.port + 5})
    administration = type(rabbitmq.administration)(elsewhere, {}, ())
    with pytest.raises(BusAway, match=str(rabbitmq.port + 5)):
        administration.reach()
    with pytest.raises(FoaError, match="no password for the broker's user nobody"):
        rabbitmq.administration.connect("nobody", "1")
