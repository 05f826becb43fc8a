"""Time that a `foa run` took, by stage."""

from collections import defaultdict
from collections.abc import Sequence

from rich.table import Table

from foa.pipeline import JobService, job_services
from foa.pipeline.installed import before
from foa.service.events import JobEnded

ALL_RUNS = 0
"""Stands for the work on all runs together."""


def times_table(ended: Sequence[JobEnded], wall_s: float) -> Table:
    """Show the time of every stage, their sum, the critical path, and the wall time."""
    table = Table("stage", "jobs", "time (s)", title="where the time went", title_justify="left")
    per_stage: dict[str, list[float]] = defaultdict(list)
    for job in ended:
        per_stage[job.stage].append(job.ending.wall_s)
    for stage, times in per_stage.items():
        table.add_row(stage, str(len(times)), f"{sum(times):.0f}")
    table.add_section()
    whole = sum(job.ending.wall_s for job in ended)
    table.add_row("sum of all jobs", str(len(ended)), f"{whole:.0f}")
    table.add_row("critical path", "", f"{critical_path(ended):.0f}")
    table.add_row("wall time", "", f"{wall_s:.0f}")
    return table


def critical_path(ended: Sequence[JobEnded]) -> float:
    """Return the time requests would take if every job started once what it needs is there (s)."""
    requests = {request_id for job in ended for request_id in job.request_ids}
    return max((_RequestTimes(ended, one).to_end() for one in requests), default=0.0)


class _RequestTimes:
    """The jobs of one request, and when they would end if nothing had to wait for a slot."""

    def __init__(self, ended: Sequence[JobEnded], request_id: str) -> None:
        self._jobs = [job for job in ended if request_id in job.request_ids]
        self._runs = sorted({obs_id for job in self._jobs for obs_id in job.obs_ids})
        self._ends: dict[tuple[str, int], float] = {}

    def to_end(self) -> float:
        """Return when the last job would end."""
        ends = (self._end(one, run) for one in job_services() for run in self._concerned(one))
        return max(ends, default=0.0)

    def _concerned(self, service: JobService) -> list[int]:
        """Return the runs that a service works on one by one; 0 stands for all together."""
        return self._runs if service.per_run else [ALL_RUNS]

    def _end(self, service: JobService, obs_id: int) -> float:
        """Return when the work of a service on a run would end."""
        key = service.name, obs_id
        if key not in self._ends:
            needed = (one for one in job_services() if one in before(service, job_services()))
            ends = [self._end(one, run) for one in needed for run in self._needed(one, obs_id)]
            self._ends[key] = max(ends, default=0.0) + self._longest(service, obs_id)
        return self._ends[key]

    def _needed(self, service: JobService, obs_id: int) -> list[int]:
        """Return the runs of a service that the work on a run waits for."""
        return [obs_id] if service.per_run and obs_id else self._concerned(service)

    def _longest(self, service: JobService, obs_id: int) -> float:
        """Return the time of the longest job of a service on a run (s)."""
        jobs = (job for job in self._jobs if job.stage == service.name)
        times = [job.ending.wall_s for job in jobs if not obs_id or obs_id in job.obs_ids]
        return max(times, default=0.0)
