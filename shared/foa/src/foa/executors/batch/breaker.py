"""Circuit breaker: a scheduler that does not answer cannot hold up the executor."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from foa.executors.client import Client
from foa.executors.patience import Patience
from foa.executors.port import Job
from foa.executors.scheduler import JobRecord, NoAnswer, Submission

T = TypeVar("T")

TURN_S = 20.0
"""No call is begun when a turn has lasted so long: it lasts one time-out longer at most."""
LAST_PAUSE_S = 60.0
"""Longest pause after questions without an answer."""
NEXT_TURN = "the scheduler is slow or silent: it is asked at the next turn"


class CircuitBreaker:
    """Passes calls to a client, unless one like it was not answered a short while ago.

    When the controller does not answer, nothing more is asked in that turn. The accounting is a
    server of its own: while it is silent, the controller can still be asked. A submission without
    an answer is in doubt, and whoever submits waits by itself.

    Parameters
    ----------
    client
        Client of the scheduler.
    clock
        Returns a time in seconds that only goes on.
    first_pause_s
        Time without calls after a first question without an answer.
    """

    def __init__(self, client: Client, clock: Callable[[], float], first_pause_s: float) -> None:
        self._client, self._clock = client, clock
        self._controller, self._accounting = (
            Patience(clock, first_pause_s, LAST_PAUSE_S) for _ in range(2)
        )
        self._deadline = 0.0
        self.begin_turn()

    @property
    def id_variable(self) -> str:
        """Return the name of the variable that tells a job its id."""
        return self._client.id_variable

    @property
    def may_call(self) -> bool:
        """Tell whether this turn may begin another call."""
        return self._clock() < self._deadline

    def begin_turn(self) -> None:
        """Allow calls for `TURN_S` from now on."""
        self._deadline = self._clock() + TURN_S

    def submit(self, job: Job) -> Submission:
        """Submit a job."""
        return self._client.submit(job)

    def queued(self, jobs: Sequence[Job]) -> list[JobRecord]:
        """Return the records of those jobs that the queue lists; raises NoAnswer."""
        return self._ask(self._controller, lambda: self._client.queued(jobs))

    def accounted(self, jobs: Sequence[Job], since: int) -> list[JobRecord]:
        """Return the accounting's records of jobs submitted after a Unix time; raises NoAnswer."""
        return self._ask(self._accounting, lambda: self._client.accounted(jobs, since))

    def cancel(self, records: Sequence[JobRecord]) -> None:
        """Ask for the end of jobs; raises NoAnswer."""
        self._ask(self._controller, lambda: self._client.cancel(records))

    def _ask(self, patience: Patience, call: Callable[[], T]) -> T:
        if not patience.permits():
            raise NoAnswer(patience.reason)
        if not self.may_call:
            raise NoAnswer(NEXT_TURN)
        try:
            answer = call()
        except NoAnswer as silence:
            patience.refuse(str(silence))
            if patience is self._controller:
                self._deadline = self._clock()
            raise
        patience.accept()
        return answer
