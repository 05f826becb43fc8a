"""A run: requests and faults as planned, until everything has ended; and what became of it."""

import time
from collections.abc import Callable, Sequence

from foa_testing.chaos.checker import (
    Outcome,
    Verdict,
    count_jobs,
    is_fulfilled,
    judge,
    read_outcome,
)
from foa_testing.chaos.faults import FAULTS
from foa_testing.chaos.schedule import (
    PlannedFault,
    PlannedRequest,
    alternatives,
    n_submitted,
    plan_faults,
    plan_requests,
)
from foa_testing.chaos.world import World

TICK_S = 0.1
IDLE_S = 2.0
"""The next fault is due after this time even if no stage starts or ends."""
IN_HAND = 12
"""Requests that are under way at the beginning."""
RETRIES = 4
"""How often people submit again what failed by a fault."""
SETTLED_S = 10.0
"""Everything has ended when nothing has happened for this time."""


# across midnight sacct would forget the jobs of yesterday
SACCT = ("sacct", "-nXPD", "--starttime=now-1day", "--format=JobName%100")


class ChaosRun:
    """A world under the faults of a plan."""

    def __init__(
        self,
        world: World,
        seed: int,
        n_faults: int,
        n_requests: int,
        patience_s: float,
        only: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        self._world, self._seed, self._patience_s, self._say = world, seed, patience_s, say
        self._requests: Sequence[PlannedRequest] = plan_requests(seed, n_requests)
        n_events = sum(request.n_events for request in self._requests)
        weights = {name: FAULTS[name].weight for name in only or FAULTS}
        self._names = list(weights)
        self._faults: Sequence[PlannedFault] = plan_faults(seed, n_faults, weights, n_events)
        self._n_done = 0
        self._n_events, self._moved = 0, time.monotonic()

    def go(self) -> Verdict:
        """Carry the plan out, let everything end, and judge."""
        for fault in self._faults:
            self._wait_for(fault)
            self._do(fault)
        self._submit(len(self._requests))
        stuck = self._settle()
        return self._judge(stuck)

    def _wait_for(self, fault: PlannedFault) -> None:
        """Go on until a fault is due."""
        n_requests, n_faults = len(self._requests), len(self._faults)
        begun = time.monotonic()
        while self._n_events < fault.events and time.monotonic() - begun < IDLE_S:
            self._submit(n_submitted(self._n_done, n_faults, n_requests, IN_HAND))
            self._tick()

    def _tick(self) -> None:
        self._world.tend()
        time.sleep(TICK_S)
        n_events = len(self._world.trace_lines())
        if n_events != self._n_events:
            self._n_events, self._moved = n_events, time.monotonic()

    def _submit(self, number: int) -> None:
        for planned in self._requests[len(self._world.people.expected) : number]:
            self._world.people.submit(planned)

    def _do(self, planned: PlannedFault) -> None:
        """Do a fault, or another one if it is impossible now."""
        chance = planned.chance(self._seed)
        for name in alternatives(planned.name, self._names, chance):
            if told := FAULTS[name].do(self._world, chance):
                self._n_done += 1
                self._say(f"fault {planned.number} after {self._n_events} events: {name}: {told}")
                return

    def _settle(self) -> list[str]:
        """Wait for the end of everything, as people do who retry; return what does not end."""
        for _ in range(RETRIES):
            if stuck := self._wait_for_end():
                return stuck
            failed = [one for one in self._world.people.expected if not self._is_fulfilled(one)]
            if not failed:
                return []
            self._retry(failed)
        return self._wait_for_end()

    def _retry(self, request_ids: Sequence[str]) -> None:
        broker = self._world.stack.rabbitmq.administration
        for service in sorted(set(self._world.crew.services.values())):
            for parked in broker.list_parked(service):
                self._say(f"parked by {service}: {parked.reason}")
            broker.replay_parked(service)
        for request_id in request_ids:
            reasons = "; ".join(sorted(set(self._outcome(request_id).reasons)))
            self._say(f"retried: {request_id}: {reasons}")
            self._world.people.submit_again(request_id, retry=True)

    def _wait_for_end(self) -> list[str]:
        """Wait until all requests have ended and nothing happens; return what does not end."""
        unfinished: set[str] = set()
        self._moved = time.monotonic()
        while self._is_busy(unfinished) or time.monotonic() - self._moved < SETTLED_S:
            self._tick()
            now = set(self._world.people.unfinished)
            if now != unfinished:
                unfinished, self._moved = now, time.monotonic()
            if time.monotonic() - self._moved > self._patience_s:
                return [*unfinished, *self._rest()]
        return []

    def _is_busy(self, unfinished: set[str]) -> bool:
        world = self._world
        return bool(unfinished or world.disturbed or not world.people.are_silent or self._rest())

    def _rest(self) -> list[str]:
        """Return what is not as it is when nobody has anything to do."""
        left = self._world.disk.mount_point.glob("outbox/*/[!.]*.json")
        mail = [f"in the outbox: {path.parent.name} {path.name}" for path in left]
        return [*self._jobs(), *mail, *(f"not ready: {one}" for one in self._world.crew.unready)]

    def _jobs(self) -> list[str]:
        """Return the names of the jobs that SLURM still has."""
        return self._world.stack.slurm.command("squeue", "-h", "-o", "%j", check=False).split()

    def _judge(self, stuck: Sequence[str]) -> Verdict:
        people = self._world.people
        outcomes = {one: self._outcome(one) for one in people.expected}
        trace = self._world.trace_lines()
        left = len(list(people.tree.root.glob("pending/*/[!.]*.json")))
        self._say(f"{count_jobs(self._accounted(), trace)} left_in_pending={left}")
        return judge(people.expected, outcomes, trace, stuck)

    def _accounted(self) -> list[str]:
        """Return the name of every job that SLURM accounted for."""
        return self._world.stack.slurm.command(*SACCT).split()

    def _outcome(self, request_id: str) -> Outcome:
        return read_outcome(self._world.people.tree.request_directory(request_id))

    def _is_fulfilled(self, request_id: str) -> bool:
        expected = self._world.people.expected[request_id]
        return is_fulfilled(expected, self._outcome(request_id))
