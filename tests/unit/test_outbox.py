"""What a service announces leaves its outbox when the bus has it safe, and not before."""

import pytest
import structlog

from foa.bus import BusAway, MemoryBroker
from foa.service.outbox import LOT, Outbox
from foa_stage.tree import Mailbox
from foa_testing.fakes import factories


class FickleBus:
    """Takes so many manifests, and breaks off."""

    def __init__(self, takes):
        self.takes, self.lots = takes, []

    def publish_all(self, manifests, safe):
        self.lots.append(len(manifests))
        for manifest in manifests:
            if not self.takes:
                raise BusAway("away")
            self.takes -= 1
            safe(manifest)


@pytest.fixture
def mailbox(tmp_path):
    return Mailbox(tmp_path / "outbox")


@pytest.fixture
def make_outbox(mailbox):
    return lambda bus: Outbox(mailbox, bus, structlog.get_logger())


def manifests(count):
    return [factories.run_selected(obs_id) for obs_id in range(1, count + 1)]


def test_all_that_is_kept_is_sent_in_lots(mailbox, make_outbox):
    bus = FickleBus(takes=2 * LOT + 1)
    outbox = make_outbox(bus)
    outbox.put_all(manifests(2 * LOT + 1))
    assert len(mailbox) == 2 * LOT + 1
    outbox.send()
    assert bus.lots == [LOT, LOT, 1]
    assert len(mailbox) == 0


def test_what_the_bus_does_not_take_stays_and_is_sent_later(mailbox, make_outbox):
    outbox = make_outbox(FickleBus(takes=LOT + 3))
    outbox.put_all(manifests(3 * LOT))
    outbox.send()
    assert len(mailbox) == 2 * LOT - 3
    make_outbox(FickleBus(takes=3 * LOT)).send()
    assert len(mailbox) == 0


def test_after_a_lot_that_is_not_taken_no_other_is_tried(mailbox, make_outbox):
    bus = FickleBus(takes=0)
    outbox = make_outbox(bus)
    outbox.put_all(manifests(2 * LOT))
    outbox.send()
    assert bus.lots == [LOT]


def test_what_is_sent_reaches_its_consumer(make_outbox):
    broker, heard = MemoryBroker({"dl2-converter": ("run.selected",)}), []
    listener = broker.connect("dl2-converter")
    listener.subscribe(heard.append)
    outbox = make_outbox(broker.connect("selector"))
    outbox.put_all([factories.run_selected()])
    outbox.send()
    assert listener.deliver()
    assert len(heard) == 1
