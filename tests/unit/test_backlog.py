"""What is pending is taken up in slices, and what could not be is tried again."""

import pytest
import structlog

from foa.service.backlog import Backlog
from foa_stage.tree import RunTree
from foa_testing.fakes import factories

LONG_S = 3600.0
MANIFESTS = [factories.run_selected(obs_id) for obs_id in (1, 2, 3)]


@pytest.fixture
def mailbox(tmp_path):
    mailbox = RunTree(tmp_path).pending("dl2-converter")
    for manifest in MANIFESTS:
        mailbox.put(manifest)
    return mailbox


@pytest.fixture
def make_backlog(mailbox):
    return lambda handle, **times: Backlog(mailbox, handle, structlog.get_logger(), **times)


def test_a_turn_takes_up_what_it_has_time_for(make_backlog):
    handled = []
    backlog = make_backlog(handled.append)
    backlog.look((), 0.0)
    backlog.advance(slice_s=0.0)
    assert handled == []
    backlog.advance(LONG_S)
    assert handled == MANIFESTS


def test_what_is_in_hand_or_was_answered_is_not_taken_up(make_backlog, mailbox):
    handled = []
    backlog = make_backlog(handled.append)
    backlog.look({MANIFESTS[0].id}, 0.0)
    mailbox.remove(MANIFESTS[1])
    backlog.advance(LONG_S)
    assert handled == MANIFESTS[2:]


def test_what_a_full_disk_keeps_from_being_taken_up_is_tried_again(make_backlog):
    handled, full = [], [True]

    def handle(manifest):
        if full:
            raise OSError("no space left")
        handled.append(manifest)

    backlog = make_backlog(handle, try_again_s=0.0)
    backlog.look((), 0.0)
    backlog.advance(LONG_S)
    assert handled == []
    full.clear()
    backlog.advance(LONG_S)
    assert handled == MANIFESTS


def test_what_could_not_be_taken_up_is_not_tried_at_every_turn(make_backlog):
    tried = []

    def refuse(manifest):
        tried.append(manifest)
        raise OSError("no space left")

    backlog = make_backlog(refuse, try_again_s=LONG_S)
    backlog.look((), 0.0)
    for _ in range(3):
        backlog.advance(LONG_S)
    assert tried == MANIFESTS
