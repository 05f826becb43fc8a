"""Queues of an older version are made anew by `foa bus apply`, and no message is lost."""

import contextlib
import itertools

import pika
import pytest

from foa.bus.rabbitmq import renewal, topology
from foa.bus.rabbitmq.definitions import ADMINISTRATOR
from foa.bus.rabbitmq.parameters import parameters_of
from foa.errors import FoaError
from foa.pipeline import consumers, unconsumed_kinds
from foa_testing.fakes import factories
from foa_testing.stack.processes import wait_until

MAIN, PARKED, RETRY = (
    "foa.dl2-converter",
    "foa.dl2-converter.parked",
    "foa.dl2-converter.retry.600",
)
DECLARED = topology.topology(consumers(), unconsumed_kinds())
QUEUES = {queue.name: queue for queue in renewal.queues_of(DECLARED)}
OLDER = {
    MAIN: dict(QUEUES[MAIN].arguments) | {"x-delivery-limit": 5},
    PARKED: {"x-queue-type": "quorum"},
    RETRY: dict(QUEUES[RETRY].arguments) | {"x-message-ttl": 500_000},
}


class Killed(BaseException):
    """Ends a renewal as a signal does."""


class DyingChannel:
    """A channel that is there for so many calls only."""

    def __init__(self, channel, calls):
        self.channel, self.calls = channel, calls

    def __getattr__(self, name):
        if next(self.calls) <= 0:
            raise Killed
        return getattr(self.channel, name)


class DyingRenewal(renewal._Renewal):
    def __init__(self, connection, calls):
        self.calls = itertools.count(calls, -1)
        super().__init__(connection)

    @contextlib.contextmanager
    def _channel(self):
        with super()._channel() as channel:
            yield DyingChannel(channel, self.calls)


@pytest.fixture
def channel(rabbitmq):
    parameters = parameters_of(rabbitmq.broker.address_of(ADMINISTRATOR))
    with pika.BlockingConnection(parameters) as connection, connection.channel() as channel:
        channel.confirm_delivery()
        yield channel
    rabbitmq.administration.declare()
    rabbitmq.administration.purge()


@pytest.fixture
def age(channel):
    """Give a queue the arguments of an older version, and put messages into it."""

    def make_older(name, *bodies):
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True, arguments=OLDER[name])
        for exchange, key in QUEUES[name].bindings:
            channel.queue_bind(name, exchange, key)
        for body in bodies:
            put(channel, name, body)

    return make_older


def put(channel, name, body):
    properties = pika.BasicProperties(headers={"x-foa-attempts": 3}, message_id=body.decode())
    exchange, key = (QUEUES[name].bindings or [("", name)])[0]
    channel.basic_publish(exchange, key, body, properties, mandatory=True)


def take(channel, name):
    """Take all messages out of a queue."""
    bodies = []
    while (got := channel.basic_get(name, auto_ack=True))[0]:
        assert got[1].headers["x-foa-attempts"] == 3
        assert got[1].message_id == got[2].decode()
        bodies.append(got[2])
    return bodies


def assert_current(channel, name):
    """The broker refuses other arguments than those of the queue."""
    channel.queue_declare(name, durable=True, arguments=dict(QUEUES[name].arguments))


def count_consumers(channel):
    return channel.queue_declare(MAIN, passive=True).method.consumer_count


def exists(channel, name):
    with channel.connection.channel() as another, contextlib.suppress(Exception):
        another.queue_declare(name, passive=True)
        return True
    return False


@pytest.mark.parametrize("name", OLDER)
def test_a_queue_with_other_arguments_is_made_anew_with_its_messages(channel, age, rabbitmq, name):
    bodies = [b"%d" % number for number in range(20)]
    age(name, *bodies)
    rabbitmq.administration.declare()
    assert_current(channel, name)
    put(channel, name, b"later")
    assert take(channel, name) == [*bodies, b"later"]
    assert not exists(channel, QUEUES[name].refuge)
    assert not exists(channel, renewal.JOURNAL)


def test_messages_that_wait_to_be_tried_again_are_not_lost(channel, age, rabbitmq):
    age(MAIN, b"1")
    put(channel, RETRY, b"2")
    rabbitmq.administration.declare()
    assert sorted(take(channel, MAIN) + take(channel, RETRY)) == [b"1", b"2"]


def test_a_renewal_that_is_killed_after_some_step_goes_on_when_it_is_repeated(
    channel, age, rabbitmq
):
    parameters = parameters_of(rabbitmq.broker.address_of(ADMINISTRATOR))

    def renew(calls):
        with pika.BlockingConnection(parameters) as connection:
            try:
                dying = DyingRenewal(connection, calls)
                dying.begin()
                dying.declare(QUEUES[MAIN])
                dying.end()
            except Killed:
                return False
        return True

    # fetch, publish and acknowledge are three calls: every second one is each of them in turn
    for calls in itertools.count(step=2):
        age(MAIN, b"1", b"2")
        came_through = renew(calls)
        put(channel, MAIN, b"3")  # whatever was killed, what is published finds a place
        renew(1_000_000)
        assert_current(channel, MAIN)
        assert set(take(channel, MAIN)) == {b"1", b"2", b"3"}
        assert not exists(channel, QUEUES[MAIN].refuge)
        if came_through:
            break
    assert calls > 20


def test_two_do_not_renew_at_once(rabbitmq):
    with pika.BlockingConnection(
        parameters_of(rabbitmq.broker.address_of(ADMINISTRATOR))
    ) as connection:
        renewal.declare_queues(connection, [])
        with pytest.raises(FoaError, match="try again later"):
            rabbitmq.administration.declare()
    rabbitmq.administration.declare()


def test_a_queue_is_not_taken_away_from_a_service_that_runs(channel, age, connect, rabbitmq):
    age(MAIN)
    heard, administration = [], rabbitmq.administration
    bus = connect("dl2-converter", handler=heard.append)
    with pytest.raises(FoaError, match="stop the service first"):
        administration.declare()
    connect("selector").publish(factories.run_selected())
    wait_until(lambda: bus.deliver(0.1))
    assert len(heard) == 1
    bus.stop()
    wait_until(lambda: not count_consumers(channel))
    administration.declare()
    assert_current(channel, MAIN)
