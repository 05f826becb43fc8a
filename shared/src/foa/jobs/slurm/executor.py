"""Jobs in SLURM: submitted once, found again by name, noticed by their reports, watched together."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from foa.jobs.model import Completed, Died, Ending, Job, JobState
from foa.jobs.slurm import text
from foa.jobs.slurm.client import Client, NoAnswer
from foa.jobs.slurm.text import Row
from foa.tree import Report, locked, write_atomic

NAMES_PER_CALL = 100
FIRST_INTERVAL_S, LAST_INTERVAL_S, GROWTH = 5.0, 60.0, 1.5
"""SLURM is asked for silent jobs seldom, and ever more seldom."""
GRACE_S = 120.0
"""A job that neither squeue nor sacct nor a report has known of for this time is lost."""
SQUEUE_MEMORY_S = 240.0
"""squeue still knows jobs that ended so long ago (SLURM's MinJobAge is 300 s by default): enough without accounting."""
ENDING = "COMPLETING"
BELIEF_S = 5.0
"""A bad ending is believed when it is still the same after this time: rows of a returning data base may be wrong."""
CLOCK_SKEW_S = 60
"""Between this host and SLURM's, when rows are compared with submissions."""


@dataclass
class _Tracked:
    job: Job
    since: float
    seen: float
    accepted: bool = False
    bad_row: Row | None = None
    bad_since: float = 0.0


class SlurmExecutor:
    """Runs jobs in SLURM. A job is known by its name, directory and submission time, never by its id."""

    def __init__(
        self, client: Client, first_interval_s: float = FIRST_INTERVAL_S, clock: Callable[[], float] = time.time
    ) -> None:
        self._client, self._clock = client, clock
        self._first_interval = first_interval_s
        self._tracked: dict[str, _Tracked] = {}
        self._ended: list[Ending] = []
        self._interval, self._next_query = first_interval_s, 0.0
        self._log = structlog.get_logger(executor="slurm")

    def submit(self, job: Job) -> None:
        """Submit a job unless SLURM has it already; when nobody can tell, later."""
        if job.name in self._tracked:
            return
        tracked = _Tracked(job, 0.0, self._clock())
        self._tracked[job.name] = tracked
        self._settle(tracked)

    def endings(self) -> list[Ending]:
        """Jobs that ended since the last call: those with a report at once, silent ones when SLURM is asked."""
        for tracked in list(self._tracked.values()):
            if report := self._report(tracked.job):
                self._end(tracked, _ending_of(tracked.job.name, report))
        if self._tracked and self._clock() >= self._next_query:
            self._ask()
        ended, self._ended = self._ended, []
        return ended

    def running(self) -> list[str]:
        """Names of the jobs SLURM has accepted."""
        return [name for name, tracked in self._tracked.items() if tracked.accepted]

    def _settle(self, tracked: _Tracked) -> None:
        """Find the job in SLURM, or submit it; a doubtful answer is resolved by looking, never by submitting again."""
        script = tracked.job.directory / "job.sh"
        with locked(script.with_suffix(".lock")):  # replicas of a service may come with the same job
            first = not script.exists()
            if first:
                write_atomic(script, text.SCRIPT.encode())
            tracked.since = script.stat().st_mtime
            rows = self._look_up([tracked], accounting=not first)
            if rows is not None and tracked.job.name in rows:
                tracked.accepted = True
            elif rows is not None:
                self._hand_over(tracked)

    def _hand_over(self, tracked: _Tracked) -> None:
        match self._client.submit(tracked.job):
            case text.Submitted(job_id):
                tracked.accepted = True
                self._ask_soon()
                self._log.info("submitted", job=tracked.job.name, slurm_id=job_id)
            case text.Rejected(reason):
                self._end(tracked, Died(tracked.job.name, JobState.REJECTED, reason=reason))
            case text.Unsure(reason):
                self._log.warning("unsure", job=tracked.job.name, reason=reason)

    def _ask_soon(self) -> None:
        self._interval, self._next_query = self._first_interval, self._clock() + self._first_interval

    def _ask(self) -> None:
        """Ask SLURM for every silent job."""
        self._interval = min(self._interval * GROWTH, LAST_INTERVAL_S)
        self._next_query = self._clock() + self._interval
        rows = self._look_up(self._tracked.values())
        if rows is None:
            return
        for tracked in list(self._tracked.values()):
            row = rows.get(tracked.job.name)
            if row is None:
                self._miss(tracked)
                continue
            tracked.seen = self._clock()
            if row.is_over:
                self._conclude(tracked, row)
            else:
                tracked.accepted, tracked.bad_row = True, None

    def _miss(self, tracked: _Tracked) -> None:
        """A job nobody knows: submit it if it never was, else wait, then give it up."""
        if not tracked.accepted:
            self._settle(tracked)
        elif self._clock() - tracked.seen > GRACE_S:
            self._end(tracked, Died(tracked.job.name, JobState.LOST))

    def _conclude(self, tracked: _Tracked, row: Row) -> None:
        state = text.state_of(row, tracked.job.resources.memory_mib)
        if state is None:
            self._end(tracked, Completed(row.name, row.elapsed_s))
        elif row != tracked.bad_row:
            tracked.accepted, tracked.bad_row, tracked.bad_since = True, row, self._clock()
            self._ask_soon()
        elif self._clock() - tracked.bad_since >= BELIEF_S:
            died = Died(row.name, state, row.exit_code, row.peak_memory_mib, row.elapsed_s, node=row.node)
            self._end(tracked, died)

    def _end(self, tracked: _Tracked, ending: Ending) -> None:
        del self._tracked[tracked.job.name]
        self._ended.append(ending)

    def _look_up(self, wanted: Iterable[_Tracked], *, accounting: bool = True) -> dict[str, Row] | None:
        """The newest row of each job, live ones from squeue before all; None if SLURM does not answer.

        What nobody can have submitted before this moment needs no look into the accounting.
        """
        jobs = list(wanted)
        found: dict[str, Row] = {}
        for start in range(0, len(jobs), NAMES_PER_CALL):
            lot = jobs[start : start + NAMES_PER_CALL]
            names = [tracked.job.name for tracked in lot]
            since = int(min(tracked.since for tracked in lot)) - CLOCK_SKEW_S
            try:
                accounted = self._accounted(names, since) if accounting else []
                queued = self._client.queued(names)
            except NoAnswer as silence:
                self._log.warning("no answer", reason=str(silence))
                return None
            ours = {(tracked.job.name, str(tracked.job.directory)) for tracked in lot}
            accounted_rows = sorted(accounted, key=lambda row: row.submitted)
            found |= {row.name: row for row in accounted_rows if (row.name, row.directory) in ours}
            for row in (row for row in queued if (row.name, row.directory) in ours):
                if not row.is_over:
                    found[row.name] = row
                elif row.name not in found:
                    # how it ended only the accounting tells: until then it counts as ending
                    found[row.name] = replace(row, state=ENDING)
        return found

    def _accounted(self, names: list[str], since: int) -> list[Row]:
        """What the accounting has; nothing if it is away and the controller has not forgotten anything yet."""
        try:
            return self._client.accounted(names, since)
        except NoAnswer:
            if self._clock() - since > SQUEUE_MEMORY_S:
                raise
            return []

    @staticmethod
    def _report(job: Job) -> Report | None:
        return Report.read(job.directory.parent)


def _ending_of(name: str, report: Report) -> Ending:
    if report.outcome == "done":
        return Completed(name, report.wall_s)
    return Died(name, JobState.FAILED, report.exit_code, report.peak_memory_mib, report.wall_s)
