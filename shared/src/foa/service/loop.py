"""The one loop of all services: consume → plan → submit → watch → conclude → publish."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from foa.bus import Bus
from foa.jobs import Again, Completed, Ending, Executor, Wait, follow_up
from foa.jobs.model import Job
from foa.manifests import Manifest, canonical_json, digest
from foa.service.model import Service
from foa.site import Site
from foa.tree import Attempt, Report, RunTree, Work, write_atomic


@dataclass(frozen=True)
class JobEnded:
    """What observers learn of a job: whose it was, how it ended, how long it ran."""

    stage: str
    obs_ids: tuple[int, ...]
    request_ids: tuple[str, ...]
    ending: Ending


class ServiceLoop:
    """Drives one service. All its state is in the tree; what it holds in memory can be lost at any moment."""

    def __init__(
        self, service: Service, site: Site, bus: Bus, executor: Executor, software: str,
        observe: Callable[[JobEnded], None] = lambda ended: None,
    ) -> None:  # fmt: skip
        """`software` identifies the versions the stage runs with: part of every key."""
        self.service = service
        self._site = site
        self._tree = RunTree(site.tree)
        self._outbox = self._tree.outbox(service.name)
        self._bus = bus
        self._executor = executor
        self._software = software
        self._observe = observe
        self._asking: dict[str, dict[str, Manifest]] = {}
        """Manifests to conclude, by the key of the work they wait for."""
        self._log = structlog.get_logger(service=service.name)
        bus.subscribe(service.consumes, self.handle)

    def handle(self, manifest: Manifest) -> None:
        """Do what a manifest asks for, or find it done or under way."""
        plan = self.service.plan(manifest, self._tree)
        if isinstance(plan, Wait):
            self._log.debug("waits", request=manifest.request.id, reason=plan.reason)
            return
        key = digest({"request": plan.request.model_dump(mode="json"), "software": self._software})
        work = self._tree.work(self.service.name, key)
        self._tree.link_work(manifest, work, per_run=self.service.per_run)
        under_way = key in self._asking
        self._tree.pending(self.service.name).put(manifest)
        self._asking.setdefault(key, {})[manifest.id] = manifest
        if under_way:
            return
        if report := work.report():
            self._publish(work, report)
        else:
            write_atomic(work.request, canonical_json(plan.request))
            self._submit(self._next_attempt(work))

    def ended(self, ending: Ending, attempt: Attempt) -> None:
        """Conclude the ending of one of this service's jobs."""
        work, death = attempt.work, None if isinstance(ending, Completed) else ending
        attempt.conclude(death)
        self._tell(work, ending)
        self._log.info("ended", job=attempt.name, state=death.state if death else "COMPLETED")
        if death is None:
            self._publish(work, self._checked(attempt))
            return
        reported = work.last_report()
        if reported and reported.outcome == "failed":
            self._publish(work, reported.model_copy(update={"log_tail": attempt.log_tail()}))
            return
        match follow_up(attempt.resources(), work.deaths()):
            case Again(resources):
                again = Attempt(work, attempt.number + 1)
                again.begin(resources)
                self._submit(again)
            case give_up:
                report = Report(
                    outcome="failed",
                    exit_code=death.exit_code,
                    reason=give_up.reason,
                    log_tail=attempt.log_tail(),
                )
                work.write_report(report)
                self._publish(work, report)

    def resume(self) -> None:
        """Take up what was told before a restart and has not been answered."""
        for manifest in self._tree.pending(self.service.name).all():
            self.handle(manifest)

    def send(self) -> None:
        """Publish what is in the outbox; what the bus does not take stays there for the next time."""
        for manifest in self._outbox.all():
            try:
                self._bus.publish(manifest)
            except ConnectionError as error:
                self._log.warning("not sent", kind=manifest.kind, reason=str(error))
                return
            self._outbox.remove(manifest)

    def pending(self) -> list[tuple[Manifest, Work]]:
        """Manifests whose work is under way."""
        service = self.service.name
        return [(m, self._tree.work(service, key)) for key, asking in self._asking.items() for m in asking.values()]

    def _tell(self, work: Work, ending: Ending) -> None:
        asking = self._asking.get(work.key, {}).values()
        obs_ids = {obs_id for manifest in asking if (obs_id := getattr(manifest, "obs_id", None)) is not None}
        requests = {manifest.request.id for manifest in asking}
        self._observe(JobEnded(self.service.name, tuple(sorted(obs_ids)), tuple(sorted(requests)), ending))

    def _next_attempt(self, work: Work) -> Attempt:
        """The attempt that is under way after a restart, or a new one."""
        attempts = work.attempts()
        # with a report the last attempt is over, though nobody may have lived to conclude it
        if attempts and not attempts[-1].concluded and work.last_report() is None:
            return attempts[-1]
        work.forget()
        attempt = Attempt(work, attempts[-1].number + 1 if attempts else 1)
        attempt.begin(self._site.resources[self.service.name])
        return attempt

    def _submit(self, attempt: Attempt) -> None:
        command = (*self._site.stage_command(self.service.name), str(attempt.work.request))
        self._executor.submit(Job(attempt.name, command, attempt.directory, attempt.resources(), self.service.priority))

    def _checked(self, attempt: Attempt) -> Report:
        """The report of a job that ended well, once its products are found to be what it says."""
        report = attempt.work.report()
        if report and not report.corrupt():
            return report
        reason = f"{attempt.name} ended with 0, but its report or products are missing or corrupt"
        failed = Report(outcome="failed", exit_code=1, reason=reason, log_tail=attempt.log_tail())
        attempt.work.write_report(failed)
        return failed

    def _publish(self, work: Work, report: Report) -> None:
        """Announce what follows for every manifest that asked for this work."""
        asking = list(self._asking.pop(work.key, {}).values())
        announced = {new.id: new for manifest in asking for new in self.service.conclude(manifest, report)}
        for manifest in announced.values():
            self._tree.record(manifest)
            self._outbox.put(manifest)
        for manifest in asking:
            self._tree.pending(self.service.name).remove(manifest)
        self.send()


def attempt_of(tree: RunTree, job_name: str) -> Attempt:
    """Find the attempt a job's name speaks of."""
    stage_and_key, number = job_name.removeprefix("foa-").rsplit("-", 1)
    stage, key = stage_and_key.rsplit("-", 1)
    return Attempt(tree.work(stage, key), int(number))


def software_of(package: Path, lock: Path) -> str:
    """Digest of a service's own sources and of the lock of its environment."""
    sources = {path.name: path.read_text() for path in sorted(package.glob("*.py"))}
    return digest({"sources": sources, "lock": lock.read_text()})
