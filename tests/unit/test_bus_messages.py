"""Whatever somebody writes into a message's properties, reading them ends nothing."""

import math
import struct
from types import SimpleNamespace

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foa.bus.rabbitmq.messages import (
    ATTEMPTS,
    MAX_HEADER,
    SENT_MS,
    Delivery,
    Outgoing,
    ReceivedProperties,
    sendable,
)
from foa_testing.fakes import factories

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
HEADERS = st.none() | st.dictionaries(
    st.sampled_from([ATTEMPTS, SENT_MS, "x-death"]) | st.text() | st.binary(), VALUES
)


@given(HEADERS, st.binary())
def test_a_delivery_is_read_whatever_its_headers_and_body_are(headers, body):
    method, properties = SimpleNamespace(delivery_tag=7), SimpleNamespace(headers=headers)
    delivery = Delivery.received(2, method, properties, body)
    assert (delivery.connection, delivery.tag, delivery.body) == (2, 7, body)
    assert 0 <= delivery.attempts <= MAX_HEADER
    assert math.isfinite(delivery.sent)


@given(st.binary(max_size=200))
def test_properties_are_decoded_or_empty_whatever_comes_over_the_wire(encoded):
    ReceivedProperties().decode(encoded)


@pytest.mark.parametrize(
    "value",
    [
        struct.pack(">cd", b"d", math.nan),
        struct.pack(">cf", b"f", math.inf),
        struct.pack(">cQ", b"T", 2**63),
        b"?",
    ],
)
def test_properties_that_cannot_be_decoded_are_empty(value):
    table = b"\x01a" + value
    encoded = struct.pack(">HB2sI", 1 << 15 | 1 << 13, 2, b"ab", len(table)) + table
    assert vars(ReceivedProperties().decode(encoded)) == vars(pika.BasicProperties())


def test_what_a_manifest_is_sent_with_is_read_again():
    manifest = factories.run_selected()
    sent = Outgoing.carrying(manifest, "foa", "selector 1")
    received = ReceivedProperties().decode(b"".join(sent.properties.encode()))
    assert vars(received) == vars(sent.properties)
    assert received.message_id == manifest.id


def test_properties_are_sent_again_as_they_came():
    came = pika.BasicProperties(headers={ATTEMPTS: 2}, message_id="a", user_id="somebody")
    assert vars(sendable(came)) == vars(pika.BasicProperties(headers={ATTEMPTS: 2}, message_id="a"))


def test_headers_that_can_be_read_but_not_written_are_left_out():
    table = b"\x01a" + struct.pack(">cd", b"d", 1e300)
    encoded = struct.pack(">HI", 1 << 13, len(table)) + table
    came = ReceivedProperties().decode(encoded)
    assert came.headers == {"a": int(1e300)}
    assert sendable(came).headers is None
