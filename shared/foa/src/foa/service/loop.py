"""The messages of a service: receive manifests, announce what follows from their work."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import structlog

from foa.bus import Bus
from foa.executors import Executor
from foa.pipeline import JobService
from foa.runtime import Runtime
from foa.service.announcer import Announcer
from foa.service.backlog import Backlog
from foa.service.events import Decision, Observer, Planned, ignore
from foa.service.held_endings import REPORT_PATIENCE_S, HeldEndings
from foa.service.life import WorkRecord, make_record
from foa.service.obstacles import Obstacles
from foa.service.underway import WorkUnderWay
from foa.site import Site
from foa_stage.jobs import Ending, JobSpec, Wait
from foa_stage.manifests import (
    Manifest,
    ManifestRejected,
    Message,
    RequestFailed,
    RequestSubmitted,
    ServiceHeld,
    Word,
    obs_id_of,
)
from foa_stage.tree import RunTree, Work

LOOK_S = 5.0
"""Between two looks at what people said: a replica may have heard it, and not this one."""
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
        report_patience_s: float = REPORT_PATIENCE_S,
    ) -> None:
        self.service = service
        self._log = structlog.get_logger(service=service.name)
        self._site = site
        self._tree = RunTree(site.tree)
        outbox = self._tree.outbox(service.name)
        self._announcer = Announcer(self._tree, outbox, bus, observe, self._log)
        self._pending = self._tree.pending(service.name)
        self._under_way = WorkUnderWay(
            service, self._tree, executor, self._announcer, observe, report_patience_s
        )
        self._find_runtime = find_runtime
        self._observe = observe
        self._obstacles = Obstacles(self._tree, service.name)
        self._held: dict[str, Manifest] = {}
        """Manifests whose submissions somebody holds, by id."""
        self._looked = time.monotonic()
        self._backlog = Backlog(self._pending, self.handle, self._log)
        self._held_endings = HeldEndings(self._tree, report_patience_s)
        bus.subscribe(self.handle)

    def handle(self, message: Message) -> None:
        """See to it that what a manifest asks for is done and announced; obey what people say.

        Raises
        ------
        ManifestRejected
            If it names a file outside the site's roots, or has the id of another document.
        """
        if isinstance(message, ServiceHeld):
            self._tree.hear_hold(message)
        else:
            self._admit(message)
            self._tree.hear(message)
        if isinstance(message, ServiceHeld | Word):
            self.look()
        else:
            self._observe(Planned(message.kind, self._decide(message)))

    def _admit(self, manifest: Manifest) -> None:
        """Accept only paths of this site; a submission that is refused is kept with the reason."""
        try:
            self._site.reject_foreign_paths(manifest)
        except ManifestRejected as error:
            if isinstance(manifest, RequestSubmitted):
                self._tree.hear(manifest)
                told = {"request": manifest.request, "generation": manifest.generation}
                failed = RequestFailed.model_validate(told | {"reason": f"not accepted: {error}"})
                self._announcer.say([failed])
            raise

    def _decide(self, manifest: Manifest) -> Decision:
        """Do what a manifest asks for, unless it must wait."""
        with self._context(request=manifest.request.id, observation=obs_id_of(manifest) or None):
            planned = self._plan(manifest)
            if isinstance(planned, Wait):
                self._log.info("waits", kind=manifest.kind, reason=planned.reason)
                self._let_go(manifest)
                return "waits"
            if reason := self._obstacles.to_submitting(manifest.request.id):
                self._log.info("held", kind=manifest.kind, reason=reason)
                self._hold(manifest)
                return "waits"
            return self._take_up(manifest, planned)

    def _let_go(self, manifest: Manifest) -> None:
        """Keep a manifest no longer; it may have had work before a restart."""
        if manifest in self._pending and self._obstacles.cancellation(manifest.request.id):
            planned = self.service.plan(manifest, self._tree)
            if isinstance(planned, JobSpec):
                return self._under_way.end(manifest, self._record_of(planned))
        return self._pending.remove(manifest)

    def _hold(self, manifest: Manifest) -> None:
        """Keep a manifest, also over a restart, until its submissions are held no longer."""
        self._pending.put(manifest)
        self._held[manifest.id] = manifest

    def _plan(self, manifest: Manifest) -> JobSpec | Wait:
        """Return the work a manifest asks for."""
        reason = self._obstacles.to_working(manifest.request.id, manifest.generation)
        return Wait(reason) if reason else self.service.plan(manifest, self._tree)

    def look(self) -> None:
        """Obey what was said meanwhile: take up what is held no longer, drop what is cancelled."""
        self._looked = time.monotonic()
        is_free = cache(self._is_free)
        for manifest in list(self._held.values()):
            if is_free(manifest.request.id, manifest.generation):
                self._backlog.add(self._held.pop(manifest.id))
        cancellation = cache(self._obstacles.cancellation)
        self._under_way.drop(lambda manifest: bool(cancellation(manifest.request.id)))

    def _is_free(self, request_id: str, generation: str) -> bool:
        """Tell whether held manifests can be decided on: released, or not wanted any more."""
        obstacles = self._obstacles
        unwanted = obstacles.to_working(request_id, generation)
        return bool(unwanted) or not obstacles.to_submitting(request_id)

    def turn(self, endings: Iterable[Ending]) -> bool:
        """Take up what is pending, conclude the endings of this service's jobs, and publish.

        Tells whether any ending was concluded, or anything published.
        """
        self._backlog.advance()
        reported = [one for one in endings if not self._held_endings.hold_back(one)]
        concluded = [self._conclude(one) for one in (*reported, *self._held_endings.release())]
        if time.monotonic() - self._looked > LOOK_S:
            self.look()
        return self._announcer.send_news() or any(concluded)

    def _conclude(self, ending: Ending) -> bool:
        """Conclude an ending; tell whether that was possible: a disk may be full."""
        try:
            self._under_way.conclude(ending)
        except OSError as error:
            self._log.warning("not concluded", job=ending.name, reason=str(error))
            self._held_endings.put_off(ending)
            return False
        return True

    def resume(self, older_than_s: float = 0.0) -> None:
        """Have the next turns take up what was told, has not been answered and is not in hand here.

        Before a restart this service may have had it in hand; another replica may have, which
        died: hence only manifests told more than `older_than_s` ago.
        """
        self._backlog.look(self._under_way.manifest_ids() | self._held.keys(), older_than_s)

    def send(self) -> None:
        """Publish what is in the outbox; what the bus does not take stays there."""
        self._announcer.send()

    def drop_pending(self, request_ids: Collection[str]) -> None:
        """Forget what earlier submissions of requests left unanswered: they are told anew."""
        for manifest in self._pending.all():
            if manifest.request.id in request_ids:
                self._pending.remove(manifest)

    def under_way(self) -> list[Work]:
        """Return the work this service has been asked for and that has not ended."""
        return self._under_way.works()

    def _take_up(self, manifest: Manifest, spec: JobSpec) -> Decision:
        """See to it that the work that a plan asks for is done."""
        record, retry_for = self._record_of(spec), self._retry_for(manifest)
        submitted = self._under_way.take_up(manifest, record, retry_for)
        return "submitted" if submitted else "found"

    def _record_of(self, spec: JobSpec) -> WorkRecord:
        runtime = self._find_runtime(spec.production)
        resources = self._site.resources.get(self.service.name, self.service.resources)
        return make_record(self._tree, self.service.name, spec, runtime, resources)

    def _retry_for(self, manifest: Manifest) -> str | None:
        """Return the generation in which failed work is to be done again; None: it is not."""
        submitted = self._tree.submission(manifest.request.id, manifest.generation)
        retries = submitted is not None and submitted.retries(obs_id_of(manifest))
        return manifest.generation if retries else None

    @contextmanager
    def _context(self, **names: object) -> Iterator[None]:
        """Name in every line of the log what it is about."""
        with structlog.contextvars.bound_contextvars(stage=self.service.name, **names):
            yield
