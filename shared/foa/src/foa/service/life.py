"""The life of a piece of work: look whether it is done, submit it, conclude its ending."""

from dataclasses import dataclass, field

import structlog
from pydantic import BaseModel

from foa.executors import Executor, Job
from foa.runtime import Runtime
from foa.service.policy import Again, follow_up
from foa_stage.jobs import Completed, Died, Ending, JobState, Resources
from foa_stage.manifests import Manifest, canonical_json
from foa_stage.tree import Attempt, Report, Work, write_atomic


@dataclass
class WorkRecord:
    """All that a service holds in memory of a piece of work; all of it can be made again."""

    work: Work
    request: BaseModel
    """The request to the stage."""
    runtime: Runtime
    resources: Resources
    """Of a first attempt."""
    manifests: dict[str, Manifest] = field(default_factory=dict)
    """The manifests to answer when it has ended, by id."""


class WorkLife:
    """Drives pieces of work from request to report.

    Replicas of a service may do so at once: what becomes of a piece of work is decided under its
    lock.
    """

    def __init__(self, executor: Executor, priority: int) -> None:
        """Take who runs the jobs, and the priority of the jobs."""
        self._executor, self._priority = executor, priority

    def find_or_submit(self, record: WorkRecord) -> Report | None:
        """Return the report of work that is done; else see to it that a job is at it."""
        work = record.work
        with work.lock():
            # in this order: an attempt that ends after this line leaves its report before the next
            attempts = work.attempts()
            under_way = bool(attempts) and not attempts[-1].ended
            report = work.last_report()
            if report and not report.missing():
                if under_way:  # it ended while nobody watched
                    attempts[-1].record_ending(_ending_of(attempts[-1], report))
                return report
            write_atomic(work.request, canonical_json(record.request))
            resume = under_way and report is None
            self._submit(record, attempts[-1] if resume else _begin(record, attempts))
            return None

    def conclude(
        self, record: WorkRecord, ending: Ending, attempt: Attempt
    ) -> tuple[Report | None, Report | None]:
        """Record how an attempt ended.

        Returns
        -------
        tuple
            The report of the stage, if it left one, and that of the work, unless another attempt
            follows.
        """
        with record.work.lock():
            of_stage = record.work.last_report()
            if isinstance(ending, Completed):
                attempt.record_ending(None)
                return of_stage, _checked_report(attempt)
            attempt.record_ending(ending)
            return of_stage, self._after_death(record, ending, attempt)

    def _after_death(self, record: WorkRecord, death: Died, attempt: Attempt) -> Report | None:
        reported = record.work.last_report()
        if reported and reported.outcome == "failed":
            return reported.model_copy(update={"log_tail": attempt.log_tail()})
        later = record.work.attempts()[-1]
        if later.number > attempt.number:  # another replica has seen it die before
            self._submit(record, later)
            return None
        return self._follow_up(record, death, attempt)

    def _follow_up(self, record: WorkRecord, death: Died, attempt: Attempt) -> Report | None:
        decision = follow_up(attempt.resources(), record.work.deaths(attempt))
        if isinstance(decision, Again):
            again = Attempt(record.work, attempt.number + 1)
            again.begin(decision.resources)
            self._submit(record, again)
            return None
        return _write_failure(attempt, death.exit_code, decision.reason)

    def _submit(self, record: WorkRecord, attempt: Attempt) -> None:
        command = record.runtime.command(record.work.request, attempt.directory)
        resources = attempt.resources()
        job = Job(attempt.name, command, attempt.directory, resources, self._priority)
        with structlog.contextvars.bound_contextvars(attempt=attempt.number):
            self._executor.submit(job)


def _ending_of(attempt: Attempt, report: Report) -> Died | None:
    """Return how the job ended that left a report: None if well."""
    if report.outcome == "done":
        return None
    measured = (report.exit_code, report.peak_memory_mib, report.wall_s)
    return Died(attempt.name, JobState.FAILED, *measured)


def _begin(record: WorkRecord, attempts: list[Attempt]) -> Attempt:
    """Begin a new attempt."""
    record.work.forget()
    attempt = Attempt(record.work, attempts[-1].number + 1 if attempts else 1)
    attempt.begin(record.resources)
    return attempt


def _checked_report(attempt: Attempt) -> Report:
    """Return the report of a job that completed, if its products are what it says."""
    report = attempt.work.report()
    if report and not report.corrupt():
        return report
    reason = f"{attempt.name} ended with 0, but its report or products are missing or corrupt"
    return _write_failure(attempt, 1, reason)


def _write_failure(attempt: Attempt, exit_code: int, reason: str) -> Report:
    tail = attempt.log_tail()
    failed = Report(outcome="failed", exit_code=exit_code, reason=reason, log_tail=tail)
    attempt.work.write_report(failed)
    return failed
