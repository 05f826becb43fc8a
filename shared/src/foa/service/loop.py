"""The one loop of all services: consume → plan → submit → watch → conclude → publish."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from foa.bus import Bus
from foa.installation import Installation
from foa.jobs import Again, Completed, Died, Ending, Executor, JobSpec, Resources, Wait, follow_up
from foa.jobs.model import Job
from foa.manifests import Manifest, canonical_json, digest
from foa.service.events import Announced, JobEnded, Observer, Planned, ignore
from foa.service.model import Service
from foa.site import Site
from foa.tree import Attempt, Report, RunTree, Work, write_atomic

Install = Callable[[str | None], Installation]


class ServiceLoop:
    """Drives one service. All its state is in the tree; what it holds in memory can be lost at any moment.

    Several replicas of a service may do so at once: they decide under a lock of the work what becomes of it.
    """

    def __init__(
        self, service: Service, site: Site, bus: Bus, executor: Executor, install: Install, observe: Observer = ignore
    ) -> None:
        """`install` finds what the stage runs in, for models of a production."""
        self.service = service
        self._site = site
        self._tree = RunTree(site.tree)
        self._outbox = self._tree.outbox(service.name)
        self._bus = bus
        self._executor = executor
        self._install = install
        self._observe = observe
        self._planned: dict[str, tuple[Installation, Resources]] = {}
        """What work runs in and may use, by key."""
        self._asking: dict[str, dict[str, Manifest]] = {}
        """Manifests to conclude, by the key of the work they wait for."""
        self._log = structlog.get_logger(service=service.name)
        bus.subscribe(service.consumes, self.handle)

    def handle(self, manifest: Manifest) -> None:
        """Do what a manifest asks for, or find it done or under way.

        Raises
        ------
        ManifestRejected
            If it names a file outside the site's roots.
        """
        self._site.admit(manifest)
        with self._context(request=manifest.request.id, observation=_obs_id(manifest)):
            plan = self.service.plan(manifest, self._tree)
            if isinstance(plan, Wait):
                self._log.info("waits", kind=manifest.kind, reason=plan.reason)
                self._observe(Planned(manifest.kind, "waits"))
                self._tree.pending(self.service.name).remove(manifest)  # it may have had work before a restart
                return
            installation = self._install(plan.production)
            key = digest({"request": plan.request.model_dump(mode="json"), "software": installation.software})
            self._planned[key] = (installation, self._resources(plan))
            work = self._tree.work(self.service.name, key)
            submitted = self._take_up(manifest, work, canonical_json(plan.request))
            self._observe(Planned(manifest.kind, "submitted" if submitted else "found"))

    def ended(self, ending: Ending, attempt: Attempt) -> None:
        """Conclude the ending of one of this service's jobs."""
        work, noticed = attempt.work, time.time()
        with self._context(key=work.key, attempt=attempt.number):
            with work.lock():
                stage_report = work.last_report()
                report = self._conclude(ending, attempt)
            self._tell(attempt, ending, stage_report, noticed)
            if report:
                self._publish(work, report, new=True)

    def resume(self) -> None:
        """Take up what was told before a restart and has not been answered."""
        for manifest in self._tree.pending(self.service.name).all():
            try:
                self.handle(manifest)
            except Exception:  # one that cannot be handled must not keep the others from it
                self._log.exception("not taken up", kind=manifest.kind, request=manifest.request.id)

    def send(self) -> None:
        """Publish what is in the outbox; what the bus does not take stays there for the next time."""
        for manifest in self._outbox.all():
            try:
                self._bus.publish(manifest)
            except ConnectionError as error:
                self._log.warning("not sent", kind=manifest.kind, reason=str(error))
                return
            self._outbox.remove(manifest)

    def under_way(self) -> list[Work]:
        """The work this service has been asked for and that has not ended."""
        return [self._tree.work(self.service.name, key) for key in list(self._asking)]

    def _take_up(self, manifest: Manifest, work: Work, stage_request: bytes) -> bool:
        """See to it that a piece of work is done; whether it took a submission."""
        self._tree.link_work(manifest, work, per_run=self.service.per_run)
        under_way = work.key in self._asking
        self._tree.pending(self.service.name).put(manifest)
        self._asking.setdefault(work.key, {})[manifest.id] = manifest
        if under_way:
            return False
        try:
            with self._context(key=work.key):
                report = self._find_or_submit(work, stage_request)
        except Exception:
            del self._asking[work.key]  # told once more, it tries once more
            raise
        if report:
            self._publish(work, report)
        return report is None

    def _find_or_submit(self, work: Work, stage_request: bytes) -> Report | None:
        """The report of work that is done; else see to it that a job is at it."""
        with work.lock():
            # in this order: an attempt that is concluded after this line has left its report before the next one
            attempts = work.attempts()
            under_way = bool(attempts) and not attempts[-1].concluded
            report = work.last_report()
            if report and not report.missing():
                return report
            write_atomic(work.request, stage_request)
            self._submit(attempts[-1] if under_way and report is None else self._new_attempt(work, attempts))
            return None

    def _new_attempt(self, work: Work, attempts: list[Attempt]) -> Attempt:
        work.forget()
        attempt = Attempt(work, attempts[-1].number + 1 if attempts else 1)
        attempt.begin(self._planned[work.key][1])
        return attempt

    def _resources(self, plan: JobSpec) -> Resources:
        """What the site gives the stage; of its memory only what the plan needs, if it can tell."""
        resources = self._site.resources[self.service.name]
        needed = min(plan.memory_mib or resources.memory_mib, resources.memory_mib)
        return resources.model_copy(update={"memory_mib": needed})

    def _submit(self, attempt: Attempt) -> None:
        command = self._planned[attempt.work.key][0].command(attempt.work.request, attempt.directory)
        job = Job(attempt.name, command, attempt.directory, attempt.resources(), self.service.priority)
        with self._context(attempt=attempt.number):
            self._executor.submit(job)

    def _conclude(self, ending: Ending, attempt: Attempt) -> Report | None:
        """Write down how an attempt ended; the report of the work, unless another attempt follows."""
        work, death = attempt.work, None if isinstance(ending, Completed) else ending
        attempt.conclude(death)
        if death is None:
            return self._checked(attempt)
        reported = work.last_report()
        if reported and reported.outcome == "failed":
            return reported.model_copy(update={"log_tail": attempt.log_tail()})
        later = work.attempts()[-1]
        if later.number > attempt.number:  # another replica has seen it die before
            self._submit(later)
            return None
        return self._follow_up(death, attempt)

    def _follow_up(self, death: Died, attempt: Attempt) -> Report | None:
        work = attempt.work
        match follow_up(attempt.resources(), work.deaths(attempt)):
            case Again(resources):
                again = Attempt(work, attempt.number + 1)
                again.begin(resources)
                self._submit(again)
                return None
            case give_up:
                report = Report(
                    outcome="failed", exit_code=death.exit_code, reason=give_up.reason, log_tail=attempt.log_tail()
                )
                work.write_report(report)
                return report

    def _checked(self, attempt: Attempt) -> Report:
        """The report of a job that ended well, once its products are found to be what it says."""
        report = attempt.work.report()
        if report and not report.corrupt():
            return report
        reason = f"{attempt.name} ended with 0, but its report or products are missing or corrupt"
        failed = Report(outcome="failed", exit_code=1, reason=reason, log_tail=attempt.log_tail())
        attempt.work.write_report(failed)
        return failed

    def _tell(self, attempt: Attempt, ending: Ending, report: Report | None, noticed: float) -> None:
        asking = self._asking.get(attempt.work.key, {}).values()
        obs_ids = {obs_id for manifest in asking if (obs_id := _obs_id(manifest))}
        requests = {manifest.request.id for manifest in asking}
        event = JobEnded(
            self.service.name, tuple(sorted(obs_ids)), tuple(sorted(requests)), ending, attempt.resources(),
            attempt.submitted, noticed, report,
        )  # fmt: skip
        self._log.info("ended", state=event.state, requests=event.request_ids, observations=event.obs_ids)
        self._observe(event)

    def _publish(self, work: Work, report: Report, *, new: bool = False) -> None:
        """Announce what follows for every manifest that asked for this work; `new`: it has just been done."""
        asking = list(self._asking.pop(work.key, {}).values())
        self._planned.pop(work.key, None)
        announced = {one.id: one for manifest in asking for one in self.service.conclude(manifest, report)}
        for manifest in announced.values():
            self._tree.record(manifest)
            self._outbox.put(manifest)
            if new:
                self._observe(Announced(manifest))
        for manifest in asking:
            self._tree.pending(self.service.name).remove(manifest)
        self.send()

    @contextmanager
    def _context(self, **names: object) -> Iterator[None]:
        """Say in every line of the log what it is about."""
        with structlog.contextvars.bound_contextvars(stage=self.service.name, **names):
            yield


def _obs_id(manifest: Manifest) -> int | None:
    """The run a manifest speaks of, if it speaks of one."""
    return getattr(manifest, "obs_id", None)


def attempt_of(tree: RunTree, job_name: str) -> Attempt:
    """Find the attempt a job's name speaks of."""
    stage_and_key, number = job_name.removeprefix("foa-").rsplit("-", 1)
    stage, key = stage_and_key.rsplit("-", 1)
    return Attempt(tree.work(stage, key), int(number))
