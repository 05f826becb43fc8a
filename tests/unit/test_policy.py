"""What follows from the death of a job is a table."""

import pytest

from foa.service.policy import ACTIONS, MAX_ATTEMPTS, MAX_MEMORY_MIB, Again, GiveUp, follow_up
from foa_stage.jobs import Died, JobState, Resources

RESOURCES = Resources(memory_mib=1000, time_limit_s=100)


def died(state: JobState, exit_code: int = 1) -> Died:
    return Died("job", state, exit_code)


def test_out_of_memory_gets_more_memory():
    assert follow_up(RESOURCES, [died(JobState.OUT_OF_MEMORY)]) == Again(
        Resources(memory_mib=1500, time_limit_s=100)
    )


def test_out_of_time_gets_more_time():
    assert follow_up(RESOURCES, [died(JobState.TIMEOUT)]) == Again(
        Resources(memory_mib=1000, time_limit_s=150)
    )


def test_memory_grows_to_a_cap_and_then_the_work_fails():
    nearly = Resources(memory_mib=MAX_MEMORY_MIB - 1, time_limit_s=1)
    assert follow_up(nearly, [died(JobState.OUT_OF_MEMORY)]).resources.memory_mib == MAX_MEMORY_MIB
    capped = Resources(memory_mib=MAX_MEMORY_MIB, time_limit_s=1)
    assert isinstance(follow_up(capped, [died(JobState.OUT_OF_MEMORY)]), GiveUp)


@pytest.mark.parametrize("state", [JobState.NODE_FAIL, JobState.PREEMPTED, JobState.LOST])
def test_what_was_not_the_jobs_fault_is_repeated_as_it_was(state):
    assert follow_up(RESOURCES, [died(state)]) == Again(RESOURCES)


def test_what_a_person_cancelled_stays_cancelled():
    assert isinstance(follow_up(RESOURCES, [died(JobState.CANCELLED)]), GiveUp)


@pytest.mark.parametrize("code", [2, 3, 4])
def test_a_stage_that_said_why_is_not_repeated(code):
    assert isinstance(follow_up(RESOURCES, [died(JobState.FAILED, code)]), GiveUp)


def test_an_unexpected_failure_is_repeated_once():
    assert follow_up(RESOURCES, [died(JobState.FAILED)]) == Again(RESOURCES)
    assert isinstance(follow_up(RESOURCES, [died(JobState.FAILED)] * 2), GiveUp)


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_an_action_and_no_work_is_tried_for_ever(state):
    assert state in ACTIONS
    assert isinstance(follow_up(RESOURCES, [died(state)] * MAX_ATTEMPTS), GiveUp)
