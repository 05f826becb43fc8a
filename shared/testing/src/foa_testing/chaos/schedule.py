"""What happens in a run: a pure function of its seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

BAD_RUN = 90
"""The run whose DL1 file is corrupt wherever it is asked for."""
GOOD_RUNS = range(1, 10)
SHARE_WITH_BAD_RUN = 0.1


@dataclass(frozen=True)
class PlannedRequest:
    """A request of some runs."""

    target: str
    obs_ids: tuple[int, ...]

    @property
    def good(self) -> frozenset[int]:
        """Return the runs that must be in the final results."""
        return frozenset(self.obs_ids) - self.bad

    @property
    def bad(self) -> frozenset[int]:
        """Return the runs that must have failed."""
        return frozenset(self.obs_ids) & {BAD_RUN}

    @property
    def n_events(self) -> int:
        """Return how many starts and ends of stages it leads to if nothing goes wrong."""
        return 2 * (2 * len(self.obs_ids) + 2)


@dataclass(frozen=True)
class PlannedFault:
    """A fault that is due when stages have started and ended so often."""

    number: int
    events: int
    name: str

    def chance(self, seed: int) -> Random:
        """Return what decides about its details."""
        return Random(f"{seed} fault {self.number}")


def plan_requests(seed: int, n_requests: int) -> list[PlannedRequest]:
    """Plan requests of one to three runs, in the order of their submission."""
    chance = Random(f"{seed} requests")
    return [_plan_request(number, chance) for number in range(1, n_requests + 1)]


def _plan_request(number: int, chance: Random) -> PlannedRequest:
    obs_ids = chance.sample(GOOD_RUNS, chance.randint(1, 3))
    bad = [BAD_RUN] if chance.random() < SHARE_WITH_BAD_RUN else []
    return PlannedRequest(f"source {number}", tuple(sorted([*obs_ids, *bad])))


def plan_faults(
    seed: int, n_faults: int, weights: Mapping[str, int], n_events: int
) -> list[PlannedFault]:
    """Plan faults of all kinds, spread over so many events.

    Parameters
    ----------
    weights
        How often each kind of fault comes, relative to the others.
    """
    chance = Random(f"{seed} faults")
    names = chance.choices(list(weights), list(weights.values()), k=n_faults)
    events = sorted(chance.randrange(n_events) for _ in names)
    return [
        PlannedFault(number, due, name)
        for number, (due, name) in enumerate(zip(events, names, strict=True), start=1)
    ]


def alternatives(name: str, names: Sequence[str], chance: Random) -> list[str]:
    """Return a kind of fault, and what is done instead, in this order, where it is impossible."""
    others = [one for one in names if one != name]
    return [name, *chance.sample(others, len(others))]


def n_submitted(n_done: int, n_faults: int, n_requests: int, in_hand: int) -> int:
    """Return how many requests are to be submitted when so many faults are done.

    Some are in hand from the beginning to the last fault.
    """
    return min(n_requests, in_hand + n_requests * n_done // n_faults)
