"""Where the time of a `foa run` went."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from rich.table import Table

from foa.pipeline import JobService, installed_services, job_services
from foa.pipeline.installed import before
from foa.service.events import JobEnded


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
    return max((_path_of_request(ended, request_id) for request_id in requests), default=0.0)


def _path_of_request(ended: Sequence[JobEnded], request_id: str) -> float:
    jobs = [job for job in ended if request_id in job.request_ids]
    runs = {obs_id for job in jobs for obs_id in job.obs_ids}

    def longest(service: JobService, obs_id: int) -> float:
        times = [
            job.ending.wall_s
            for job in jobs
            if job.stage == service.name and (not service.per_run or obs_id in job.obs_ids)
        ]
        return max(times, default=0.0)

    @cache
    def path_to_end(service: JobService, obs_id: int) -> float:
        """Return when the work of a service on a run would end; 0 stands for all runs."""
        needed = [one for one in before(service, installed_services()) if one in job_services()]
        ends = (
            path_to_end(one, run if one.per_run else 0)
            for one in needed
            if isinstance(one, JobService)
            for run in ([obs_id] if service.per_run else runs)
        )
        return max(ends, default=0.0) + longest(service, obs_id)

    ends = (path_to_end(service, run) for service in job_services() for run in (0, *runs))
    return max(ends, default=0.0)
