"""What only a real RabbitMQ has: rights, kills, connections; the rest is in the bus's contract."""

import contextlib
import signal
import struct
import threading

import pika
import pytest

from foa.bus import BusAway
from foa.bus.rabbitmq import connection, topology
from foa.bus.rabbitmq.definitions import ADMINISTRATOR
from foa.bus.rabbitmq.parameters import parameters_of
from foa.errors import FoaError
from foa_stage.manifests import write_manifest
from foa_testing.fakes import factories
from foa_testing.stack.processes import wait_until


@pytest.fixture(autouse=True)
def empty_queues(rabbitmq):
    """Leave no message to the next test; before anything else, so that all buses have stopped."""
    yield
    rabbitmq.administration.purge()


@pytest.fixture
def administrate(rabbitmq):
    """A channel of the administrator's, for as long as it is open."""

    @contextlib.contextmanager
    def open_channel():
        parameters = parameters_of(rabbitmq.broker.address_of(ADMINISTRATOR))
        with pika.BlockingConnection(parameters) as connection:
            yield connection.channel()

    return open_channel


def deliver_all(bus):
    while bus.deliver(0.1):
        pass


def deliver_until(bus, condition):
    wait_until(lambda: [deliver_all(bus)] and condition())


@pytest.mark.parametrize(
    ("exchange", "key"), [("", "foa.analyzer"), ("foa.analyzer.retry", "foa.analyzer.retry.5")]
)
def test_a_service_may_not_write_into_the_queues_of_another(rabbitmq, exchange, key):
    parameters = parameters_of(rabbitmq.broker.address_of("dl2-converter"))
    with pika.BlockingConnection(parameters) as opened:
        channel = opened.channel()
        channel.confirm_delivery()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish(exchange, key, b"")


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
        selector.publish_all([factories.run_selected(10_001)], pytest.fail)
    assert bus.alive
    rabbitmq.start()
    wait_until(lambda: bus.connected)
    deliver_until(bus, lambda: {manifest.obs_id for manifest in heard} >= set(confirmed))


@pytest.mark.parametrize("value", ["many", -9, 2**62, {"a": 1}, [1], True, None])
def test_no_header_keeps_a_service_from_its_messages(connect, administrate, value):
    heard = []

    def fail_at_first(manifest):
        heard.append(manifest)
        if len(heard) == 1:
            raise OSError("disk away")

    bus = connect(handler=fail_at_first)
    headers = {"x-foa-attempts": value, "x-foa-sent-ms": value}
    properties = pika.BasicProperties(headers=headers)
    manifest = factories.run_selected()
    with administrate() as channel:
        body = write_manifest(manifest)
        channel.basic_publish(topology.EXCHANGE, manifest.kind, body, properties)
    deliver_until(bus, lambda: heard)
    assert heard == [manifest]
    assert bus.connections == 1  # a message that is to be tried again, or parked, ended nothing


def timestamp(seconds):
    return struct.pack(">cQ", b"T", seconds)


def nested(depth):
    """An array in an array in an array."""
    value = b""
    for _ in range(depth):
        value = struct.pack(">cI", b"A", len(value)) + value
    return value


ODD_VALUES = [
    struct.pack(">cd", b"d", 1e300),
    struct.pack(">cq", b"l", -(2**63)),
    struct.pack(">cBi", b"D", 255, -(2**31)),
    timestamp(0),
    timestamp(2**63),
    struct.pack(">cI", b"S", 2) + b"\xff\xfe",
    struct.pack(">cI", b"x", 3) + b"\x00\xff\x80",
    struct.pack(">cI", b"F", 8) + b"\x01\xff" + struct.pack(">cI", b"S", 1)[:5] + b"a",
    b"V",
    nested(5),
    nested(5000),
]
ODD_PROPERTIES = [
    {"priority": 255, "expiration": "86400000"},
    {"content_encoding": "\x00gzip", "content_type": "*", "timestamp": 2**63},
    {"message_id": "", "type": "x" * 255, "correlation_id": "\n", "reply_to": "nobody"},
]


class Headers(pika.BasicProperties):
    """Headers with a value that pika would not write, but the broker takes."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def encode(self):
        names = b"x-foa-attempts", b"x-foa-sent-ms"
        table = b"".join(bytes([len(name)]) + name + self.value for name in names)
        return [struct.pack(">HI", self.FLAG_HEADERS, len(table)) + table]


def test_no_properties_keep_a_service_from_its_messages(connect, administrate):
    heard = []
    bus = connect(handler=heard.append)
    odd = [Headers(value) for value in ODD_VALUES]
    odd += [pika.BasicProperties(**properties) for properties in ODD_PROPERTIES]
    manifests = [factories.run_selected(obs_id) for obs_id in range(len(odd))]
    with administrate() as channel:
        for manifest, properties in zip(manifests, odd, strict=True):
            body = write_manifest(manifest)
            channel.basic_publish(topology.EXCHANGE, manifest.kind, body, properties)
    deliver_until(bus, lambda: len(heard) == len(odd))
    assert heard == manifests
    assert (bus.alive, bus.connections) == (True, 1)


def test_what_no_queue_takes_is_told_and_the_rest_is_safe(connect, rabbitmq, administrate):
    safe, builder = [], connect("irf-builder")
    with administrate() as channel:
        channel.queue_unbind("foa.dl3-maker", topology.EXCHANGE, "irf.ready")
    manifests = [factories.irf_ready(), factories.run_failed(), factories.irf_ready()]
    try:
        with pytest.raises(BusAway, match=r"no queue for irf\.ready"):
            builder.publish_all(manifests, safe.append)
    finally:
        rabbitmq.administration.declare()
    assert safe == manifests[1:2]
    builder.publish_all(manifests, safe.append)
    assert safe[1:] == manifests


def test_a_service_whose_queue_is_deleted_consumes_again_when_it_is_back(
    connect, rabbitmq, administrate
):
    heard = []
    bus = connect(handler=heard.append)
    with administrate() as channel:
        channel.queue_delete("foa.dl2-converter")
    wait_until(lambda: not bus.connected)
    rabbitmq.administration.declare()
    wait_until(lambda: bus.connected)
    connect("selector").publish(factories.run_selected())
    deliver_until(bus, lambda: heard)


def test_a_bus_whose_thread_is_stuck_is_not_alive(connect, monkeypatch):
    bus, released = connect(), threading.Event()
    monkeypatch.setattr(connection, "SILENT_S", 1.0)
    stuck = threading.Thread(
        target=lambda: bus._connection._call(lambda link: bool(released.wait(60)))
    )
    stuck.start()
    wait_until(lambda: not bus.alive)
    released.set()
    stuck.join()
    wait_until(lambda: bus.alive)


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
