"""A job in the care of the batch executor, and what lies in its directory."""

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path

from foa.executors.port import Job
from foa.executors.scheduler import JobRecord
from foa.executors.script import CLAIM_NAME, SCRIPT_NAME
from foa.executors.waiting import note_waiting, remove_note
from foa_stage.jobs import Completed, Died, Ending, JobState
from foa_stage.tree import Report


@dataclass
class TrackedJob:
    """A job, and what is known of it. Times are those of the executor's monotonic clock."""

    job: Job
    is_old: bool = False
    """Whether an earlier process, or another replica, may have submitted it; not looked up yet."""
    since: float = 0.0
    """Unix time when its submission was first intended: it cannot have been submitted earlier."""
    refused: float = -math.inf
    """When it was last tried in vain."""
    accepted: bool = False
    seen: float = -math.inf
    """When the scheduler last knew it."""
    asked: float = -math.inf
    """When the scheduler last answered a question for it."""
    bad_record: JobRecord | None = None
    """A bad ending that is not believed yet."""
    bad_since: float = -math.inf
    cancelled: bool = False
    """Whether its end is wanted: it is not submitted any more."""
    waiting: str = ""
    """What this process has written down about why it waits."""

    @property
    def name(self) -> str:
        """Return the job's name."""
        return self.job.name

    @property
    def script(self) -> Path:
        """Return the path of its script."""
        return self.job.directory / SCRIPT_NAME

    @property
    def lock(self) -> Path:
        """Return the path of the file that whoever may submit it locks."""
        return self.script.with_suffix(".lock")

    def find_script(self) -> bool:
        """Tell whether anybody meant to submit it, and note since when."""
        with contextlib.suppress(OSError):
            self.since = self.script.stat().st_mtime
        return bool(self.since)

    def claimant(self) -> str | None:
        """Return the id of the job that executes the attempt; None if none is known to."""
        try:
            return (self.job.directory / CLAIM_NAME).readlink().parts[0]
        except OSError:
            return None

    def note_waiting(self, reason: str) -> None:
        """Write down, for people, why the scheduler does not accept it now."""
        self.waiting = reason
        note_waiting(self.job.directory, reason)

    def stop_waiting(self) -> None:
        """Remove what was written down, by this process or another."""
        self.waiting = ""
        remove_note(self.job.directory)

    def reported_ending(self) -> Ending | None:
        """Return how it ended by its stage's report; None if there is none to be read now."""
        try:
            report = Report.read(self.job.directory.parent)
        except OSError:
            return None
        if report is None:
            return None
        if report.outcome == "done":
            return Completed(self.name, report.wall_s)
        measured = (report.exit_code, report.peak_memory_mib, report.wall_s)
        return Died(self.name, JobState.FAILED, *measured)
