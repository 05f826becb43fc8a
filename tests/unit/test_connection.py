"""The connection's thread: alive while it tries in vain, not alive once it has ended."""

import socket

import pytest
from pika.connection import Parameters
from structlog.testing import capture_logs

from foa.bus import BusAway
from foa.bus.rabbitmq import Broker, BrokerAddress, RabbitBroker
from foa.bus.rabbitmq.connection import Connection
from foa_testing.stack.processes import wait_until


@pytest.fixture
def nowhere(tmp_path):
    """The address of a port that nobody listens on."""
    (tmp_path / "password").write_text("secret")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        yield BrokerAddress(
            host="127.0.0.1", port=port, vhost="foa", user="x", password_file=tmp_path / "password"
        )


@pytest.fixture
def silent_broker(tmp_path, monkeypatch):
    """A broker that takes connections and says nothing, for longer than anybody waits."""
    monkeypatch.setattr(Parameters, "DEFAULT_STACK_TIMEOUT", 0.1)
    (tmp_path / "operator").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Broker(port=listener.getsockname()[1], passwords=tmp_path)


def test_without_a_broker_a_connection_is_alive_and_publishes_nothing(nowhere):
    connection = Connection(nowhere)
    connection.start()
    assert connection.alive
    assert not connection.connected
    with pytest.raises(BusAway, match=str(nowhere.port)):
        connection.send([])
    connection.stop()
    assert not connection.alive


def test_an_unreadable_password_is_tried_again(nowhere):
    nowhere.password_file.unlink()
    with capture_logs() as said:
        connection = Connection(nowhere)
        connection.start()
        wait_until(lambda: len(said) > 1)
        assert connection.alive
        connection.stop()
    assert {entry["event"] for entry in said} == {"broker away"}


def test_a_broker_that_says_nothing_is_away(silent_broker):
    with capture_logs() as said:
        connection = Connection(silent_broker.address_of("operator"))
        connection.start()
        wait_until(lambda: said)
        connection.stop()
    assert said[0]["event"] == "broker away"
    assert "Timeout" in said[0]["error"]


def test_an_operator_is_told_that_a_broker_says_nothing(silent_broker):
    with pytest.raises(BusAway, match=f"{silent_broker.port}: TimeoutError"):
        RabbitBroker(silent_broker, {}, ()).reach()
