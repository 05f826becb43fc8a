"""A scheduler that does not answer, or slowly, cannot hold up the turns of the batch executor."""

from itertools import pairwise

import pytest

from foa.executors.batch.breaker import LAST_PAUSE_S, TURN_S
from foa.executors.batch.lookup import NAMES_PER_CALL
from foa.executors.batch.pace import LAST_INTERVAL_S
from foa.executors.batch.submissions import LOT
from foa.executors.patience import FIRST_PAUSE_S
from foa.executors.scheduler import NoAnswer, Unsure
from foa.executors.transport import TIMEOUT_S
from foa_testing.fakes.scripted_scheduler import ScriptedClient, intend, record_of, submit

LONGEST_TURN_S = 45.0
CONTROLLER, ACCOUNTING = ("submit", "queued", "cancel"), ("accounted",)


class SlowClient(ScriptedClient):
    """Takes its time for some calls: `lasting` seconds each; what lasts too long is no answer."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.slow, self.lasting = clock, (), TIMEOUT_S

    def submit(self, job):
        answer = super().submit(job)
        return answer if self.answers_in_time("submit") else Unsure("timed out")

    def queued(self, jobs):
        records = super().queued(jobs)
        return self.in_time("queued", records)

    def accounted(self, jobs, since):
        return self.in_time("accounted", super().accounted(jobs, since))

    def cancel(self, records):
        self.in_time("cancel", super().cancel(records))

    def in_time(self, call, answer):
        if not self.answers_in_time(call):
            raise NoAnswer("timed out")
        return answer

    def answers_in_time(self, call):
        if call not in self.slow:
            return True
        self.clock.advance(self.lasting)
        return self.lasting < TIMEOUT_S


@pytest.fixture
def client(clock):
    return SlowClient(clock)


@pytest.fixture
def turn(executor, clock):
    """Let a turn go by; returns how long it lasted."""

    def last():
        began = clock.monotonic()
        executor.endings()
        return clock.monotonic() - began

    return last


@pytest.mark.parametrize("slow", [CONTROLLER, ACCOUNTING, CONTROLLER + ACCOUNTING])
@pytest.mark.parametrize("lasting", [TIMEOUT_S / 2, TIMEOUT_S - 1, TIMEOUT_S])
def test_a_turn_stays_short_whatever_is_slow(executor, client, clock, jobs, turn, slow, lasting):
    running, unwanted, old, new = jobs(4)
    submit(executor, running, unwanted)
    client.queue = [record_of(job) for job in (running, unwanted, old)]
    intend([old])
    executor.cancel(unwanted.name)
    executor.submit(old)
    executor.submit(new)
    client.slow, client.lasting = slow, lasting
    for _ in range(50):
        clock.advance(LAST_INTERVAL_S / 2)
        assert turn() <= LONGEST_TURN_S


def test_after_a_question_without_an_answer_nothing_more_is_asked_in_a_turn(
    executor, client, clock, jobs
):
    running, old, new = jobs(3)
    submit(executor, running)
    intend([old])
    executor.submit(old)
    executor.submit(new)
    client.away = {"queued"}
    client.calls.clear()
    clock.advance(LAST_INTERVAL_S)
    executor.endings()
    assert [call[0] for call in client.calls] == ["queued"]


def test_a_queue_that_never_answers_does_not_keep_new_jobs_from_being_submitted(
    executor, client, clock, jobs
):
    running, new = jobs(2)
    submit(executor, running)
    client.away = {"queued"}
    for _ in range(20):
        clock.advance(LAST_INTERVAL_S)
        executor.endings()
    submit(executor, new)
    executor.endings()
    assert executor.running() == [running.name, new.name]


def test_a_silent_controller_is_asked_more_and_more_seldom(executor, client, clock, jobs):
    submit(executor, *jobs(1))
    client.away = {"queued"}
    executor.cancel("foa-test-0-1")
    times = []
    for second in range(20 * int(LAST_PAUSE_S)):
        executor.endings()
        if client.count("queued") > len(times):
            times.append(second)
        clock.advance(1)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) >= FIRST_PAUSE_S
    assert min(pauses[-3:]) >= LAST_PAUSE_S


def test_while_the_accounting_hangs_the_queue_tells_of_young_jobs(
    executor, client, clock, jobs, turn
):
    (job,) = jobs(1)
    intend([job])
    client.queue, client.slow = [record_of(job)], ACCOUNTING
    executor.submit(job)
    turn()
    assert executor.running() == [job.name]


def test_what_a_slow_scheduler_leaves_of_a_lot_goes_in_the_next_turns(executor, client, jobs, turn):
    client.slow, client.lasting = CONTROLLER, TURN_S / 8
    many = jobs(LOT)
    for job in many:
        executor.submit(job)
    assert turn() <= LONGEST_TURN_S
    assert 0 < len(executor.running()) < LOT
    for _ in range(LOT):
        turn()
    assert len(executor.running()) == LOT


def test_a_slow_scheduler_is_asked_for_all_jobs_in_some_turns(executor, client, clock, jobs, turn):
    many = jobs(3 * NAMES_PER_CALL)
    intend(many)
    client.queue = [record_of(job) for job in many]
    submit(executor, *many)
    client.calls.clear()
    client.slow, client.lasting = CONTROLLER, TIMEOUT_S - 1
    for _ in range(3):
        clock.advance(LAST_INTERVAL_S)
        assert turn() <= LONGEST_TURN_S
    asked = [set(call[1:]) for call in client.calls if call[0] == "queued"]
    assert set.union(*asked) == {job.name for job in many}


def test_an_answer_to_some_lots_is_not_lost_when_the_next_is_silent(executor, client, jobs):
    many = jobs(2 * NAMES_PER_CALL)
    intend(many)
    client.queue = [record_of(job) for job in many]
    answer = client.queued

    def answer_once(jobs):
        client.away = {"queued"} if client.count("queued") else set()
        return answer(jobs)

    client.queued = answer_once
    submit(executor, *many)
    assert len(executor.running()) == NAMES_PER_CALL
