"""The broker's topology: every service has its queues, every kind a place to go."""

import re

import pytest

from foa.bus.rabbitmq.topology import (
    EXCHANGE,
    PARKING,
    UNLIMITED,
    parking_queue_of,
    permissions,
    queue_of,
    retry_queue_of,
    topic_permissions,
    topology,
)
from foa.bus.retries import DELIVERY_LIMIT, RETRY_DELAYS_S, delay_after
from foa.pipeline import consumers, publishers, unconsumed_kinds
from foa_stage.manifests import KINDS

CONSUMERS = consumers()
DECLARED = topology(CONSUMERS, unconsumed_kinds())
QUEUES = {queue["name"]: queue["arguments"] for queue in DECLARED["queues"]}


def test_every_kind_has_a_place_to_go():
    bound = {
        binding["routing_key"] for binding in DECLARED["bindings"] if binding["source"] == EXCHANGE
    }
    assert bound == set(KINDS)


def test_every_binding_leads_to_a_queue_that_is_declared():
    assert {binding["destination"] for binding in DECLARED["bindings"]} <= set(QUEUES)


@pytest.mark.parametrize("service", CONSUMERS)
def test_the_broker_parks_or_drops_nothing_because_it_was_fetched_in_vain(service):
    """Services note what they handle; an operator may look at parked messages for ever."""
    for queue in (queue_of(service), parking_queue_of(service)):
        assert QUEUES[queue]["x-delivery-limit"] == UNLIMITED
    assert UNLIMITED > 10_000 * DELIVERY_LIMIT


@pytest.mark.parametrize("service", CONSUMERS)
def test_what_the_broker_takes_for_dead_is_parked_and_never_dropped(service):
    arguments = QUEUES[queue_of(service)]
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert arguments["x-overflow"] == "reject-publish"
    parked = {"source": PARKING, "routing_key": arguments["x-dead-letter-routing-key"]}
    assert parked | {"destination": parking_queue_of(service)} in DECLARED["bindings"]


def test_every_queue_is_a_quorum_queue():
    assert {arguments["x-queue-type"] for arguments in QUEUES.values()} == {"quorum"}


def test_delays_grow_and_end_in_the_parking_queue():
    delays = [delay_after(attempts) for attempts in range(1, DELIVERY_LIMIT + 1)]
    assert delays == [*RETRY_DELAYS_S, None]
    assert sorted(RETRY_DELAYS_S) == list(RETRY_DELAYS_S)


def test_a_service_reads_its_own_queue_only():
    rights = permissions("dl2-converter")
    assert [queue for queue in QUEUES if re.search(rights["read"], queue)] == ["foa.dl2-converter"]
    assert not any(re.search(rights["configure"], queue) for queue in QUEUES)


def test_a_service_puts_nothing_into_the_queues_of_another():
    right = permissions("dl2-converter")["write"]
    leads = {
        binding["destination"]
        for binding in DECLARED["bindings"]
        if binding["source"] not in (EXCHANGE, PARKING) and re.search(right, binding["source"])
    }
    assert leads == {retry_queue_of("dl2-converter", delay) for delay in RETRY_DELAYS_S}
    assert not re.search(right, "amq.default")  # it leads to every queue by its name


@pytest.mark.parametrize("service", publishers())
def test_a_service_may_publish_what_it_declares_and_nothing_else(service):
    said = publishers()[service]
    right = topic_permissions(said)["write"]
    assert [kind for kind in KINDS if re.search(right, kind)] == [k for k in KINDS if k in said]
