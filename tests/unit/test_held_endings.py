"""Endings that cannot be concluded yet are held, and none is lost."""

import pytest

from foa.service.held_endings import HeldEndings
from foa_stage.jobs import Completed, Died, JobState
from foa_stage.tree import Report, RunTree

NAME = "foa-dl2-converter-0123456789abcdef-1"


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path)


def test_a_job_that_ended_well_is_held_until_its_report_is_seen(tree):
    held = HeldEndings(tree, patience_s=3600)
    assert held.hold_back(Completed(NAME))
    assert held.release() == []
    tree.attempt(NAME).work.write_report(Report(outcome="done", exit_code=0))
    assert held.release() == [Completed(NAME)]
    assert held.release() == []


def test_a_report_is_waited_for_no_longer_than_patience(tree):
    held = HeldEndings(tree, patience_s=0)
    assert held.hold_back(Completed(NAME))
    assert held.release() == [Completed(NAME)]


def test_a_death_needs_no_report(tree):
    assert not HeldEndings(tree).hold_back(Died(NAME, JobState.FAILED))


def test_what_could_not_be_written_down_is_released_after_a_pause(tree):
    death = Died(NAME, JobState.FAILED)
    patient, quick = HeldEndings(tree, try_again_s=3600), HeldEndings(tree, try_again_s=0)
    for held in (patient, quick):
        held.put_off(death)
    assert (patient.release(), quick.release()) == ([], [death])
