"""Metrics of a service.

Times are seconds; which service it is, the scrape's labels say.
"""

import time
from collections.abc import Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from foa.bus import Delivered
from foa.bus.port import Outcome
from foa.executors.client import Client
from foa.service.events import Announced, Event, JobEnded, Planned
from foa.service.metering import MeteredClient
from foa_stage.jobs import JobState
from foa_stage.manifests import (
    AnalysisReady,
    FileStamp,
    Manifest,
    ResultsPhase,
    RunSelected,
    View,
)
from foa_stage.tree import RunTree

SHORT = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 300)
LONG = (1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400, 604_800)
MEMORY_MIB = (250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000)

COUNTERS = {
    "manifests_planned": ("manifests by what was decided for them", "kind", "decision"),
    "messages": ("messages by how their handling turned out", "outcome"),
    "manifests_announced": ("manifests that followed from a job", "kind"),
    "jobs_ended": ("jobs by how they ended", "state"),
    "scheduler_commands": ("commands given to the scheduler", "command", "outcome"),
}
"""Meaning and labels."""
HISTOGRAMS: dict[str, tuple[str, Sequence[float], tuple[str, ...]]] = {
    "message_waiting_seconds": ("of messages in the service's queue", SHORT, ()),
    "message_handling_seconds": ("of messages in the service", SHORT, ()),
    "job_waiting_seconds": ("of jobs in the scheduler", LONG, ()),
    "job_running_seconds": ("of jobs", LONG, ()),
    "job_noticing_seconds": ("from a job's end to its being noticed", SHORT, ()),
    "job_memory_requested_mib": ("memory requested for a job", MEMORY_MIB, ()),
    "job_memory_used_mib": ("peak memory of a job", MEMORY_MIB, ()),
    "results_seconds": (
        "from the first DL1 file to the first look, from the last to the final results",
        *(LONG, ("phase",)),
    ),
    "scheduler_command_seconds": ("the scheduler took to answer", SHORT, ("command",)),
}
"""Meaning, buckets and labels."""


class Metrics:
    """Observes a service and counts."""

    def __init__(self, tree: RunTree, registry: CollectorRegistry) -> None:
        self._tree = tree
        self._counters = {
            name: Counter(f"foa_{name}", meaning, labels, registry=registry)
            for name, (meaning, *labels) in COUNTERS.items()
        }
        self._times = {
            name: Histogram(f"foa_{name}", meaning, labels, buckets=buckets, registry=registry)
            for name, (meaning, buckets, labels) in HISTOGRAMS.items()
        }
        last = "when the service last looked after its work"
        self.turn = Gauge("foa_turn_timestamp_seconds", last, registry=registry)
        there = "whether the broker is there"
        self.connected = Gauge("foa_broker_connected", there, registry=registry)
        self._make_series()

    def _make_series(self) -> None:
        """Begin series at 0, so that the first event is seen as an increase."""
        for outcome in get_args(Outcome):
            self._counters["messages"].labels(outcome)
        for state in ("COMPLETED", *JobState):
            self._counters["jobs_ended"].labels(state)
        for phase in get_args(ResultsPhase):
            self._times["results_seconds"].labels(phase)

    def observe(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Planned(kind, decision):
                self._counters["manifests_planned"].labels(kind, decision).inc()
            case Delivered():
                self._count_message(event)
            case Announced(manifest):
                self._count_announcement(manifest)
            case JobEnded():
                self._count_job(event)

    def _count_message(self, event: Delivered) -> None:
        self._counters["messages"].labels(event.outcome).inc()
        self._times["message_waiting_seconds"].observe(event.waited_s)
        self._times["message_handling_seconds"].observe(event.took_s)

    def _count_announcement(self, manifest: Manifest) -> None:
        self._counters["manifests_announced"].labels(manifest.kind).inc()
        if isinstance(manifest, AnalysisReady):
            ready = dl1_ready(self._tree, manifest)
            if ready is not None:
                latency = time.time() - ready
                self._times["results_seconds"].labels(manifest.phase).observe(latency)

    def _count_job(self, event: JobEnded) -> None:
        self._counters["jobs_ended"].labels(event.state).inc()
        self._times["job_memory_requested_mib"].observe(event.resources.memory_mib)
        if (report := event.report) and report.started:  # by the stage, not by its service
            ended = report.started + report.wall_s
            self._times["job_memory_used_mib"].observe(report.peak_memory_mib)
            self._times["job_waiting_seconds"].observe(max(report.started - event.submitted, 0))
            self._times["job_running_seconds"].observe(report.wall_s)
            self._times["job_noticing_seconds"].observe(max(event.noticed - ended, 0))

    def meter(self, client: Client) -> Client:
        """Return a client that counts what the scheduler is asked."""
        commands = self._counters["scheduler_commands"]
        return MeteredClient(client, commands, self._times["scheduler_command_seconds"])


class _SelectedRun(View):
    dl1: FileStamp


class _Selected(View):
    run: _SelectedRun


def dl1_ready(tree: RunTree, results: AnalysisReady) -> float | None:
    """Return when the DL1 files that results waited for were there, as Unix time.

    A first look waits for one file, final results for all; None if no run is known.
    """
    told = results.request.id, RunSelected, _Selected, results.generation
    stamps = [view.run.dl1.mtime_ns / 1e9 for _, view in tree.views_per_run(*told)]
    if not stamps:
        return None
    return min(stamps) if results.phase == "first-look" else max(stamps)
