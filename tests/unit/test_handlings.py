"""Handlings are noted while they last: only a message whose handling ends its service is parked."""

import os
import time

import pytest

from foa.bus import Handlings, MemoryBroker
from foa.bus.handlings import SWEEP_AGE_S, UnendedHandlings
from foa.bus.retries import DELIVERY_LIMIT
from foa_testing.fakes import factories


class Killed(BaseException):
    """Ends a service as a signal does: nothing in it goes on."""


@pytest.fixture
def handlings(tmp_path):
    return Handlings(tmp_path / "handlings/dl2-converter")


def begin_and_die(handlings, body, times):
    for _ in range(times):
        with pytest.raises(Killed), handlings.noted(body):
            raise Killed


def notes(handlings):
    return sorted(handlings.directory.glob("*"))


def test_a_handling_has_a_note_while_it_lasts(handlings):
    with handlings.noted(b"a message"):
        assert len(notes(handlings)) == 1
    assert notes(handlings) == []


def test_a_handling_that_fails_has_ended(handlings):
    for _ in range(2 * DELIVERY_LIMIT):
        with pytest.raises(ValueError, match="bad"), handlings.noted(b"a message"):
            raise ValueError("bad")
    assert notes(handlings) == []


def test_a_handling_that_ends_its_service_each_time_is_not_begun_again(handlings):
    begin_and_die(handlings, b"a message", DELIVERY_LIMIT)
    with (
        pytest.raises(UnendedHandlings, match=f"begun {DELIVERY_LIMIT} times"),
        handlings.noted(b"a message"),
    ):
        pytest.fail("must not be handled")
    with handlings.noted(b"another message"):
        pass


def test_a_handling_that_ends_well_wipes_out_those_before(handlings):
    begin_and_die(handlings, b"a message", DELIVERY_LIMIT - 1)
    with handlings.noted(b"a message"):
        pass
    assert notes(handlings) == []


def test_replicas_count_together(handlings):
    another = Handlings(handlings.directory)
    with pytest.raises(Killed), handlings.noted(b"a message"), another.noted(b"a message"):
        assert len(notes(handlings)) == 2
        raise Killed
    begin_and_die(another, b"a message", DELIVERY_LIMIT - 2)
    with pytest.raises(UnendedHandlings), handlings.noted(b"a message"):
        pytest.fail("must not be handled")


def test_old_notes_are_swept_and_new_ones_stay(handlings):
    begin_and_die(handlings, b"of yesterday", 2)
    for note in notes(handlings):
        os.utime(note, (time.time() - SWEEP_AGE_S - 1,) * 2)
    begin_and_die(handlings, b"of today", 1)
    handlings.sweep()
    assert len(notes(handlings)) == 1


def test_without_a_directory_there_is_nothing_to_sweep(handlings):
    handlings.sweep()
    assert notes(handlings) == []


def test_a_note_that_cannot_be_written_postpones_the_message(tmp_path):
    directory = tmp_path / "handlings"
    directory.write_text("in the way")
    broker, heard = MemoryBroker({"dl2-converter": ("run.selected",)}, retry_delays_s=(0,)), []
    bus = broker.connect("dl2-converter", handlings=Handlings(directory))
    bus.subscribe(heard.append)
    manifest = factories.run_selected()
    bus.publish(manifest)
    assert bus.deliver()
    assert (heard, broker.parked) == ([], [])
    directory.unlink()
    assert bus.deliver()
    assert heard == [manifest]
