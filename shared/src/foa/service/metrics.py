"""What Prometheus learns of a service. Times are seconds; which service it is, the scrape's labels say."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from foa.bus import Delivered
from foa.bus.model import Outcome
from foa.jobs import JobState
from foa.jobs.model import Job
from foa.jobs.slurm.client import Client
from foa.jobs.slurm.text import Rejected, Row, Submission, Submitted
from foa.manifests import AnalysisReady, RunSelected
from foa.service.events import Announced, Event, JobEnded, Planned
from foa.tree import RunTree

SHORT = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300)
LONG = (1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400, 604_800)
MEMORY_MIB = (250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000)


class Metrics:
    """Watches a service and counts."""

    def __init__(self, tree: RunTree, registry: CollectorRegistry) -> None:
        self._tree = tree

        def count(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"foa_{name}", meaning, labels, registry=registry)

        def observe(name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(f"foa_{name}", meaning, labels, buckets=buckets, registry=registry)

        self._planned = count("manifests_planned", "manifests by what was planned for them", "kind", "outcome")
        self._delivered = count("messages", "messages by what became of them", "outcome")
        self._queueing = observe("message_waiting_seconds", "of messages in the service's queue", SHORT)
        self._handling = observe("message_handling_seconds", "of messages in the service", SHORT)
        self._announced = count("manifests_announced", "manifests that followed from a job", "kind")
        self._ended = count("jobs_ended", "jobs by how they ended", "state")
        self._waiting = observe("job_waiting_seconds", "of jobs in the scheduler", LONG)
        self._running = observe("job_running_seconds", "of jobs", LONG)
        self._noticing = observe("job_noticing_seconds", "from a job's end to its being noticed", SHORT)
        self._asked = observe("job_memory_asked_mib", "memory a job asked for", MEMORY_MIB)
        self._used = observe("job_memory_used_mib", "peak memory of a job", MEMORY_MIB)
        self._latency = observe(
            "results_seconds", "from the first DL1 file to the first look, from the last to the final results", LONG,
            "phase",
        )  # fmt: skip
        self._commands = count("scheduler_commands", "commands given to SLURM", "command", "outcome")
        self._answering = observe("scheduler_command_seconds", "SLURM took to answer", SHORT, "command")
        self.turn = Gauge(
            "foa_turn_timestamp_seconds", "when the service last looked after its work", registry=registry
        )
        self.connected = Gauge("foa_broker_connected", "whether the broker is there", registry=registry)

        # series that are there from the start: the first event is then seen as an increase
        for outcome in get_args(Outcome):
            self._delivered.labels(outcome)
        for state in ("COMPLETED", *JobState):
            self._ended.labels(state)
        for phase in ("first-look", "final"):
            self._latency.labels(phase)

    def observe(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Planned(kind, outcome):
                self._planned.labels(kind, outcome).inc()
            case Delivered(outcome, waited_s, took_s):
                self._delivered.labels(outcome).inc()
                self._queueing.observe(waited_s)
                self._handling.observe(took_s)
            case Announced(manifest):
                self._announced.labels(manifest.kind).inc()
                if isinstance(manifest, AnalysisReady):
                    self._latency.labels(manifest.phase).observe(time.time() - dl1_ready(self._tree, manifest))
            case JobEnded():
                self._count_job(event)

    def _count_job(self, event: JobEnded) -> None:
        self._ended.labels(event.state).inc()
        self._asked.observe(event.asked.memory_mib)
        if report := event.report:
            self._used.observe(report.peak_memory_mib)
            self._waiting.observe(max(report.started - event.submitted, 0))
            self._running.observe(report.wall_s)
            self._noticing.observe(max(event.noticed - report.started - report.wall_s, 0))

    def meter(self, client: Client) -> Client:
        """Count what SLURM is asked."""
        return _MeteredClient(client, self._commands, self._answering)


def dl1_ready(tree: RunTree, results: AnalysisReady) -> float:
    """Unix time when the DL1 files were there that results waited for: one for a first look, all for the final ones."""
    selected = tree.newest_per_run(results.request.id, RunSelected).values()
    stamps = [manifest.run.dl1.mtime_ns / 1e9 for manifest in selected]
    return min(stamps) if results.phase == "first-look" else max(stamps)


class _MeteredClient:
    def __init__(self, client: Client, commands: Counter, answering: Histogram) -> None:
        self._client, self._commands, self._answering = client, commands, answering

    def submit(self, job: Job) -> Submission:
        """Hand a job over, and count it."""
        with self._counted("submit") as outcome:
            submission = self._client.submit(job)
            outcome.append({Submitted: "ok", Rejected: "error"}.get(type(submission), "no answer"))
        return submission

    def queued(self, names: Sequence[str]) -> list[Row]:
        """Ask the controller, and count it."""
        with self._counted("queued") as outcome:
            rows = self._client.queued(names)
            outcome.append("ok")
        return rows

    def accounted(self, names: Sequence[str], since: int) -> list[Row]:
        """Ask the accounting, and count it."""
        with self._counted("accounted") as outcome:
            rows = self._client.accounted(names, since)
            outcome.append("ok")
        return rows

    def check(self) -> str:
        """Nobody counts this."""
        return self._client.check()

    @contextmanager
    def _counted(self, command: str) -> Iterator[list[str]]:
        outcome: list[str] = []
        with self._answering.labels(command).time():
            try:
                yield outcome
            finally:
                self._commands.labels(command, *(outcome or ["no answer"])).inc()
