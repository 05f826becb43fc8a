"""The work that a service has under way: taken up, concluded, answered."""

import time
from collections.abc import Callable

import structlog
from structlog.contextvars import bound_contextvars

from foa.executors import Executor
from foa.pipeline import JobService
from foa.service.announcer import Announcer
from foa.service.events import JobEnded, Observer
from foa.service.life import WorkLife, WorkRecord, job_ended
from foa_stage.jobs import Completed, Ending
from foa_stage.manifests import Manifest
from foa_stage.tree import Report, RunTree, Work


class WorkUnderWay:
    """The records of the work of a service that has not ended.

    What is told of a piece of work is pending, in the tree, until it is answered.
    """

    def __init__(
        self,
        service: JobService,
        tree: RunTree,
        executor: Executor,
        announcer: Announcer,
        observe: Observer,
        report_patience_s: float,
    ) -> None:
        self._service, self._tree = service, tree
        self._pending = tree.pending(service.name)
        self._life = WorkLife(executor, service.priority, report_patience_s)
        self._announcer, self._observe = announcer, observe
        self._log = structlog.get_logger(service=service.name)
        self._records: dict[str, WorkRecord] = {}
        """By key."""

    def works(self) -> list[Work]:
        """Return the work that was asked for and that has not ended."""
        return [record.work for record in list(self._records.values())]

    def manifest_ids(self) -> set[str]:
        """Return the ids of the manifests that are to be answered."""
        records = self._records.values()
        return {one for record in records for one in (*record.manifests, *record.unwanted)}

    def take_up(self, manifest: Manifest, made: WorkRecord, retry_for: str | None) -> bool:
        """See to it that a piece of work is done; tell whether that took a submission.

        `retry_for` is the generation in which failed work is to be done again.
        """
        record = self._records.get(made.work.key, made)
        record.unwanted.pop(manifest.id, None)
        self._tree.link_work(manifest, record.work, per_run=self._service.per_run)
        self._pending.put(manifest)
        record.manifests[manifest.id] = manifest
        if record is not made:
            return False
        with bound_contextvars(key=record.work.key):
            report = self._life.find_or_submit(record, retry_for)
            self._records[record.work.key] = record  # after an error, a redelivery tries again
            if report:
                self._answer(record, report)
        return report is None

    def conclude(self, ending: Ending) -> None:
        """Record how a job ended, and answer unless another attempt follows."""
        attempt, noticed = self._tree.attempt(ending.name), time.time()
        record = self._records.get(attempt.work.key)
        if record is None or not record.manifests:
            self._log.info("ending of work that nobody waits for", job=ending.name)
            attempt.record_ending(None if isinstance(ending, Completed) else ending)
            if record:
                self._forget(record)
            return
        names = {"stage": attempt.work.stage, "key": attempt.work.key, "attempt": attempt.number}
        with bound_contextvars(**names):
            stage_report, report = self._life.conclude(record, ending, attempt)
            self._tell(job_ended(record, attempt, ending, stage_report, noticed))
            if report:
                self._answer(record, report, new=True)

    def drop(self, is_unwanted: Callable[[Manifest], bool]) -> None:
        """Answer no manifests that are not wanted any more; cancel jobs that nobody waits for.

        Such a manifest is pending until the end of its job, so that the job is cancelled for sure.
        """
        for record in list(self._records.values()):
            unwanted = list(filter(is_unwanted, record.manifests.values()))
            for manifest in unwanted:
                record.unwanted[manifest.id] = record.manifests.pop(manifest.id)
            if unwanted and not record.manifests:
                self._life.withdraw(record)

    def end(self, manifest: Manifest, record: WorkRecord) -> None:
        """Cancel the job that a manifest asked for before a restart, if it is still at work."""
        if record.work.key in self._records or not self._life.withdraw(record):
            self._pending.remove(manifest)
        else:
            record.unwanted[manifest.id] = manifest
            self._records[record.work.key] = record

    def _tell(self, event: JobEnded) -> None:
        requests, runs = event.request_ids, event.obs_ids
        self._log.info("ended", state=event.state, requests=requests, observations=runs)
        self._observe(event)

    def _answer(self, record: WorkRecord, report: Report, *, new: bool = False) -> None:
        """Say what follows for every manifest that asked for this work.

        `new` tells that it has just been done.
        """
        wanted = list(record.manifests.values())
        following = [self._follow(manifest, report) for manifest in wanted]
        self._announcer.say((one for each in following for one in each), new=new)
        self._forget(record)

    def _follow(self, manifest: Manifest, report: Report) -> list[Manifest]:
        """Return what follows for a manifest; a report that cannot be used is a failure."""
        try:
            return self._service.announce(manifest, report)
        except Exception as error:  # whatever a stage may have reported, the service goes on
            self._log.exception("report cannot be used")
            reason = f"its report cannot be used: {error}"
            failed = report.model_copy(update={"outcome": "failed", "reason": reason})
            return self._service.announce(manifest, failed)

    def _forget(self, record: WorkRecord) -> None:
        """Forget work that has ended, and what was told of it."""
        self._records.pop(record.work.key, None)
        for manifest in (*record.manifests.values(), *record.unwanted.values()):
            self._pending.remove(manifest)
