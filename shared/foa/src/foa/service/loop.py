"""The messages of a service: receive manifests, announce what follows from their work."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from foa.bus import Bus
from foa.executors import Executor
from foa.pipeline import JobService
from foa.runtime import Runtime
from foa.service.events import Announced, JobEnded, Observer, Planned, ignore
from foa.service.life import WorkLife, WorkRecord
from foa.service.outbox import Outbox
from foa.site import Site
from foa_stage.jobs import Completed, Ending, JobSpec, Resources, Wait
from foa_stage.manifests import Manifest, digest, obs_id_of
from foa_stage.tree import Attempt, Report, RunTree, Work

FindRuntime = Callable[[str | None], Runtime]
"""Returns what a stage runs in, for models of a production."""


class ServiceLoop:
    """Drives one service: manifest → plan → work → manifests.

    All its state is in the tree; what it holds in memory can be lost at any moment.
    """

    def __init__(
        self,
        service: JobService,
        site: Site,
        bus: Bus,
        executor: Executor,
        find_runtime: FindRuntime,
        observe: Observer = ignore,
    ) -> None:
        self.service = service
        self._log = structlog.get_logger(service=service.name)
        self._site = site
        self._tree = RunTree(site.tree)
        self._outbox = Outbox(self._tree.outbox(service.name), bus, self._log)
        self._pending = self._tree.pending(service.name)
        self._life = WorkLife(executor, service.priority)
        self._find_runtime = find_runtime
        self._observe = observe
        self._records: dict[str, WorkRecord] = {}
        """Work under way, by key."""
        bus.subscribe(self.handle)

    def handle(self, manifest: Manifest) -> None:
        """See to it that what a manifest asks for is done, and announced.

        Raises
        ------
        ManifestRejected
            If it names a file outside the site's roots, or has the id of another document.
        """
        self._site.reject_foreign_paths(manifest)
        self._tree.reject_false_identity(manifest)
        with self._context(request=manifest.request.id, observation=obs_id_of(manifest) or None):
            planned = self.service.plan(manifest, self._tree)
            if isinstance(planned, Wait):
                self._log.info("waits", kind=manifest.kind, reason=planned.reason)
                self._pending.remove(manifest)  # it may have had work before a restart
                self._observe(Planned(manifest.kind, "waits"))
            else:
                submitted = self._take_up(manifest, self._record_of(planned))
                self._observe(Planned(manifest.kind, "submitted" if submitted else "found"))

    def ended(self, ending: Ending) -> None:
        """Conclude the ending of one of this service's jobs."""
        attempt, noticed = self._tree.attempt(ending.name), time.time()
        record = self._records.get(attempt.work.key)
        if record is None:
            self._log.warning("ending of work that nothing waits for", job=ending.name)
            attempt.record_ending(None if isinstance(ending, Completed) else ending)
            return
        with self._context(key=attempt.work.key, attempt=attempt.number):
            stage_report, report = self._life.conclude(record, ending, attempt)
            self._tell(record, attempt, ending, stage_report, noticed)
            if report:
                self._announce(record, report, new=True)

    def resume(self, older_than_s: float = 0.0) -> None:
        """Take up what was told and has not been answered, and is not in hand here.

        Before a restart this service may have had it in hand; another replica may have, which
        died: hence only manifests told more than `older_than_s` ago.
        """
        in_hand = {one for record in self._records.values() for one in record.manifests}
        before = time.time() - older_than_s if older_than_s else math.inf
        for manifest in self._pending.all(before):
            if manifest.id in in_hand:
                continue
            try:
                self.handle(manifest)
            except Exception:  # one that cannot be handled must not keep the others from it
                self._log.exception("not taken up", kind=manifest.kind, request=manifest.request.id)

    def send(self) -> None:
        """Publish what is in the outbox; what the bus does not take stays there."""
        self._outbox.send()

    def under_way(self) -> list[Work]:
        """Return the work this service has been asked for and that has not ended."""
        return [record.work for record in list(self._records.values())]

    def _record_of(self, spec: JobSpec) -> WorkRecord:
        """Return the record of the work that a plan asks for.

        Its key is the digest of everything that determines the result.
        """
        runtime = self._find_runtime(spec.production)
        content = {"request": spec.request.model_dump(mode="json"), "software": runtime.software}
        work = self._tree.work(self.service.name, digest(content))
        made = WorkRecord(work, spec.request, runtime, self._resources(spec))
        return self._records.get(work.key, made)

    def _resources(self, spec: JobSpec) -> Resources:
        """Return what a job may use; of the memory only what the plan needs, if it can tell."""
        resources = self._site.resources.get(self.service.name, self.service.resources)
        needed = min(spec.memory_mib or resources.memory_mib, resources.memory_mib)
        return resources.model_copy(update={"memory_mib": needed})

    def _take_up(self, manifest: Manifest, record: WorkRecord) -> bool:
        """See to it that a piece of work is done; tell whether that took a submission."""
        work = record.work
        self._tree.link_work(manifest, work, per_run=self.service.per_run)
        self._pending.put(manifest)
        record.manifests[manifest.id] = manifest
        if work.key in self._records:
            return False
        with self._context(key=work.key):
            report = self._life.find_or_submit(record)
            self._records[work.key] = record  # only now: after an error, a redelivery tries again
            if report:
                self._announce(record, report)
        return report is None

    def _tell(
        self,
        record: WorkRecord,
        attempt: Attempt,
        ending: Ending,
        report: Report | None,
        noticed: float,
    ) -> None:
        manifests = record.manifests.values()
        runs = {obs_id for manifest in manifests if (obs_id := obs_id_of(manifest))}
        requests = {manifest.request.id for manifest in manifests}
        told = (self.service.name, tuple(sorted(runs)), tuple(sorted(requests)))
        times = (attempt.submitted, noticed)
        event = JobEnded(*told, ending, attempt.resources(), *times, report)
        self._log.info(
            "ended",
            state=event.state,
            requests=event.request_ids,
            observations=event.obs_ids,
        )
        self._observe(event)

    def _announce(self, record: WorkRecord, report: Report, *, new: bool = False) -> None:
        """Announce what follows for every manifest that asked for this work.

        `new` tells that it has just been done.
        """
        self._records.pop(record.work.key, None)
        answered = list(record.manifests.values())
        following = [
            one for manifest in answered for one in self.service.announce(manifest, report)
        ]
        for manifest in {one.id: one for one in following}.values():
            self._tree.record(manifest)
            self._outbox.put(manifest)
            if new:
                self._observe(Announced(manifest))
        for manifest in answered:
            self._pending.remove(manifest)
        self.send()

    @contextmanager
    def _context(self, **names: object) -> Iterator[None]:
        """Name in every line of the log what it is about."""
        with structlog.contextvars.bound_contextvars(stage=self.service.name, **names):
            yield
