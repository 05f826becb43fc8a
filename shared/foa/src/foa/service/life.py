"""The life of a piece of work: look whether it is done, submit it, conclude its ending."""

import time
from dataclasses import dataclass, field

import structlog
from pydantic import BaseModel

from foa.executors import Executor, Job
from foa.runtime import Runtime
from foa.service.events import JobEnded
from foa.service.policy import Again, GiveUp, follow_up
from foa_stage.jobs import Completed, Died, Ending, JobSpec, JobState, Resources
from foa_stage.manifests import Manifest, canonical_json, digest, obs_id_of
from foa_stage.tree import Attempt, Report, RunTree, Work, write_atomic


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
    unwanted: dict[str, Manifest] = field(default_factory=dict)
    """Those of cancelled requests, which are pending until its job has ended."""


def make_record(
    tree: RunTree, stage: str, spec: JobSpec, runtime: Runtime, resources: Resources
) -> WorkRecord:
    """Make the record of the work that a plan asks for.

    Its key is the digest of everything that determines the result. Of the memory a job gets only
    what the plan needs, if it can tell.
    """
    content = {"request": spec.request.model_dump(mode="json"), "software": runtime.software}
    needed = min(spec.memory_mib or resources.memory_mib, resources.memory_mib)
    limits = resources.model_copy(update={"memory_mib": needed})
    return WorkRecord(tree.work(stage, digest(content)), spec.request, runtime, limits)


class ReportNotSeen(OSError):
    """A report that must be there is not seen here yet."""


class WorkLife:
    """Drives pieces of work from request to report.

    Replicas of a service may do so at once: what becomes of a piece of work is decided under its
    lock.

    Parameters
    ----------
    executor
        Who runs the jobs.
    priority
        Of the jobs.
    report_patience_s
        How long the report of a job that ended well is waited for before the job is done again.
    """

    def __init__(self, executor: Executor, priority: int, report_patience_s: float) -> None:
        self._executor, self._priority = executor, priority
        self._report_patience_s = report_patience_s
        self._unseen: dict[str, float] = {}
        """When the report of a piece of work was missed first, by key."""

    def find_or_submit(self, record: WorkRecord, retry_for: str | None = None) -> Report | None:
        """Return the report of work that is done; else see to it that a job is at it.

        `retry_for` is the generation in which failed work is to be done again.

        Raises
        ------
        ReportNotSeen
            If the last job ended well, and its report is still to be waited for.
        """
        work = record.work
        with work.lock():
            if retry_for is not None:
                work.retry(retry_for)
            # in this order: an attempt that ends after this line leaves its report before the next
            attempts = work.attempts()
            under_way = bool(attempts) and not attempts[-1].ended
            report = work.last_report()
            if attempts and not under_way:
                self._wait_for_report(attempts[-1], report)
            if report and not report.missing():
                if under_way:  # it ended while nobody watched
                    attempts[-1].record_ending(_ending_of(attempts[-1], report))
                return report
            return self._go_on(record, attempts, resume=under_way and report is None)

    def _wait_for_report(self, attempt: Attempt, report: Report | None) -> None:
        """Raise an error for a while if an attempt ended well, and its report is not seen."""
        key, now = attempt.work.key, time.monotonic()
        if report or attempt.death() is not None:
            self._unseen.pop(key, None)
        elif now - self._unseen.setdefault(key, now) < self._report_patience_s:
            raise ReportNotSeen(f"{attempt.name} ended well, and its report is not seen yet")

    def _go_on(self, record: WorkRecord, attempts: list[Attempt], *, resume: bool) -> Report | None:
        """Submit the attempt that is under way, or what follows from the last one."""
        if not record.work.request.exists():  # its content follows from the key
            write_atomic(record.work.request, canonical_json(record.request))
        if death := record.work.unanswered_death():
            return self._follow_up(record, death, attempts[-1])
        self._submit(record, attempts[-1] if resume else _begin(record, attempts))
        return None

    def withdraw(self, record: WorkRecord) -> bool:
        """Cancel the job of work that nobody asks for any more; tell whether there was one."""
        with record.work.lock():
            newest = record.work.attempts()[-1:]
            if not newest or newest[0].ended:
                return False
            newest[0].withdraw()
            self._submit(record, newest[0])  # after a restart the executor does not know it
            self._executor.cancel(newest[0].name)
            return True

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
        decision = _decide(record, attempt)
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


def _decide(record: WorkRecord, attempt: Attempt) -> Again | GiveUp:
    """Decide what follows a death; a withdrawn attempt does not count."""
    if attempt.withdrawn:
        return Again(record.resources)
    return follow_up(attempt.resources(), record.work.deaths(attempt))


def job_ended(
    record: WorkRecord, attempt: Attempt, ending: Ending, report: Report | None, noticed: float
) -> JobEnded:
    """Describe the end of a job that was noticed at a Unix time."""
    manifests = record.manifests.values()
    runs = {obs_id for manifest in manifests if (obs_id := obs_id_of(manifest))}
    requests = {manifest.request.id for manifest in manifests}
    told = (record.work.stage, tuple(sorted(runs)), tuple(sorted(requests)))
    times = (attempt.submitted, noticed)
    return JobEnded(*told, ending, attempt.resources(), *times, report)


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
    report = attempt.work.last_report()
    if report and not report.missing() and not report.corrupt():
        return report
    reason = f"{attempt.name} ended with 0, but its report or products are missing or corrupt"
    if report:
        attempt.work.forget()
    return _write_failure(attempt, 1, reason)


def _write_failure(attempt: Attempt, exit_code: int, reason: str) -> Report:
    tail = attempt.log_tail()
    failed = Report(outcome="failed", exit_code=exit_code, reason=reason, log_tail=tail)
    return attempt.work.write_failure(failed)
