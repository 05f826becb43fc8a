"""Real servers for small work."""

import pytest

from foa_testing.stack.processes import wait_until


@pytest.fixture(scope="session")
def stack(raise_stack):
    return raise_stack(base_port=27000, n_nodes=3, cpus=8)


@pytest.fixture(scope="module")
def rabbitmq(stack):
    return stack.rabbitmq


@pytest.fixture
def start_bus():
    """Start a bus, with a handler or without; it stops at the end of the test at the latest."""
    buses = []

    def start(bus, handler=None):
        if handler:
            bus.subscribe(handler)
        bus.start()
        buses.append(bus)
        wait_until(lambda: bus.connected)
        return bus

    yield start
    for bus in buses:
        bus.stop()


@pytest.fixture
def connect(rabbitmq, start_bus):
    """The connected bus of a service at RabbitMQ."""

    def make(service="dl2-converter", handler=None):
        return start_bus(rabbitmq.administration.connect(service, "1"), handler)

    return make
