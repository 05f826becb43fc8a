"""A message that cannot be handled is parked in the end; an error of the file system parks none."""

import pytest

from foa.bus.consumer import MAX_BYTES, Consumer
from foa.bus.retries import DELIVERY_LIMIT
from foa_stage.manifests import write_manifest
from foa_testing.fakes import factories

BODY = write_manifest(factories.run_selected())


@pytest.fixture
def fail():
    """Return a consumer whose handler raises an error."""

    def make(error):
        def handle(message):
            raise error

        consumer = Consumer("dl2-converter", None)
        consumer.handler = handle
        return consumer

    return make


def test_a_message_that_cannot_be_handled_is_parked_after_some_attempts(fail):
    consumer = fail(RuntimeError("no sense"))
    outcomes = [consumer.handle(BODY, attempts).outcome for attempts in range(DELIVERY_LIMIT)]
    assert outcomes == ["postponed"] * (DELIVERY_LIMIT - 1) + ["parked"]


def test_a_file_system_that_is_away_parks_nothing_however_long(fail):
    decision = fail(OSError("stale file handle")).handle(BODY, attempts=1000)
    assert decision.outcome == "postponed"
    assert decision.delay_s > 0


def test_a_message_that_is_too_large_is_parked_and_not_read(fail):
    decision = fail(RuntimeError("was handled")).handle(MAX_BYTES * b" " + BODY, attempts=0)
    assert decision.outcome == "parked"
    assert f"more than {MAX_BYTES}" in decision.reason
