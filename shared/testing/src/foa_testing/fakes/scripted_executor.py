"""An executor that runs nothing: tests decide how jobs end."""

from foa.executors import Job
from foa_stage.jobs import Died, Ending, JobState


class ScriptedExecutor:
    """Remembers every submission; `end` makes a job end."""

    def __init__(self) -> None:
        self.submitted: list[Job] = []
        self._live: dict[str, Job] = {}
        self._ended: list[Ending] = []

    def submit(self, job: Job) -> None:
        """Accept a job once."""
        if job.name not in self._live:
            self._live[job.name] = job
            self.submitted.append(job)

    def endings(self) -> list[Ending]:
        """Return what was scripted since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def running(self) -> list[str]:
        """Return the jobs that have not ended."""
        return list(self._live)

    def end(self, ending: Ending) -> None:
        """Let a job end."""
        del self._live[ending.name]
        self._ended.append(ending)

    def cancel(self, name: str) -> None:
        """End a job as cancelled."""
        if name in self._live:
            self.end(Died(name, JobState.CANCELLED))
