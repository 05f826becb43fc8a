"""What the stages themselves wrote down: every execution, from start to end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations


@dataclass(frozen=True)
class Execution:
    """One execution of a stage; places are numbers of lines of the trace."""

    key: str
    """Stage and key of the work."""
    attempt: str
    pid: int
    started: int
    ended: int | None = None
    """None if it was killed, or runs."""
    outcome: str = ""

    @property
    def name(self) -> str:
        """Name the attempt."""
        return f"{self.key}/{self.attempt}"


def read_trace(lines: Iterable[str]) -> list[Execution]:
    """Read the lines `start KEY ATTEMPT PID` and `end KEY ATTEMPT PID OUTCOME`."""
    found: list[Execution] = []
    for place, line in enumerate(lines):
        what, key, attempt, pid, *outcome = line.split()
        if what == "start":
            found.append(Execution(key, attempt, int(pid), place))
        else:
            _end(found, (key, attempt, int(pid)), place, outcome[0])
    return found


def _end(found: list[Execution], identity: tuple[str, str, int], place: int, outcome: str) -> None:
    """Note the end of the newest execution with this identity."""
    for position in range(len(found) - 1, -1, -1):
        one = found[position]
        if (one.key, one.attempt, one.pid) == identity:
            found[position] = replace(one, ended=place, outcome=outcome)
            return


def find_repeated(executions: Iterable[Execution]) -> list[str]:
    """Describe what was executed twice without reason: an attempt, or work that was done.

    Two executions of one piece of work at a time write into one directory, so they count too.
    """
    by_key: dict[str, list[Execution]] = {}
    for one in executions:
        by_key.setdefault(one.key, []).append(one)
    return [told for same in by_key.values() for told in _compare(same)]


def _compare(same: list[Execution]) -> Iterator[str]:
    for earlier, later in combinations(same, 2):
        if earlier.attempt == later.attempt:
            yield f"{later.name}: executed twice"
        elif earlier.ended is not None and earlier.ended > later.started:
            yield f"{later.name}: executed during {earlier.attempt}"
        elif earlier.outcome == "done":
            yield f"{later.name}: executed after {earlier.attempt} had done it"
