"""Metrics read from the run tree at each scrape."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from foa.pipeline.progress import Progress, newest_requests, progress_of
from foa_stage.tree import RunTree, Work

SHOWN_REQUESTS = 20
"""Only the newest requests have labels of their own, so that the number of series is bounded."""


class WorkCollector(Collector):
    """Numbers of a service's manifests and jobs under way in the tree, and the space left."""

    def __init__(self, tree: RunTree, service: str, under_way: Callable[[], list[Work]]) -> None:
        self._tree, self._service, self._under_way = tree, service, under_way

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look now."""
        values = {
            "foa_manifests_unsent": len(self._tree.outbox(self._service)),
            "foa_manifests_unanswered": len(self._tree.pending(self._service)),
            "foa_tree_free_bytes": shutil.disk_usage(self._tree.root).free,
        }
        for name, value in values.items():
            yield GaugeMetricFamily(name, MEANINGS[name], value)
        yield self._jobs()

    def _jobs(self) -> GaugeMetricFamily:
        newest = [attempts[-1] for work in self._under_way() if (attempts := work.attempts())]
        running = sum(attempt.running for attempt in newest)
        jobs = GaugeMetricFamily("foa_jobs", "jobs under way by state", labels=["state"])
        jobs.add_metric(["running"], running)
        jobs.add_metric(["queued"], len(newest) - running)
        return jobs


MEANINGS = {
    "foa_manifests_unsent": "announced, not confirmed by the broker",
    "foa_manifests_unanswered": "received, their work not ended",
    "foa_tree_free_bytes": "space left for the run tree",
}


class RequestCollector(Collector):
    """Phases of the newest requests."""

    def __init__(self, tree: RunTree) -> None:
        self._tree = tree
        self._finished: dict[str, tuple[int, Progress]] = {}
        """Progress of finished requests, with the number of their records."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look now."""
        newest = newest_requests(self._tree, SHOWN_REQUESTS)
        requests = [self._progress_of(request_id) for request_id in newest]
        self._finished = {one: known for one, known in self._finished.items() if one in newest}
        yield _runs(requests)
        yield _phases(requests)
        yield _ages(requests)

    def _progress_of(self, request_id: str) -> Progress:
        n_recorded, known = self._finished.get(request_id, (0, None))
        if known and self._tree.is_unchanged(request_id, n_recorded):
            return known
        n_recorded = self._tree.n_recorded(request_id)
        progress = progress_of(self._tree, request_id)
        if progress.finished:
            self._finished[request_id] = (n_recorded, progress)
        return progress


def _runs(requests: list[Progress]) -> GaugeMetricFamily:
    labels = ["request", "stage", "state"]
    family = GaugeMetricFamily("foa_request_runs", "runs of a request", labels=labels)
    for request in requests:
        states = Counter(state for stages in request.runs.values() for state in stages.items())
        for (stage, state), number in states.items():
            family.add_metric([request.request_id, stage, state], number)
    return family


def _phases(requests: list[Progress]) -> GaugeMetricFamily:
    meaning, labels = "1 for the phase a request is in", ["request", "phase"]
    family = GaugeMetricFamily("foa_request_phase", meaning, labels=labels)
    for request in requests:
        family.add_metric([request.request_id, request.phase], 1)
    return family


def _ages(requests: list[Progress]) -> GaugeMetricFamily:
    meaning = "since it was submitted"
    family = GaugeMetricFamily("foa_request_unfinished_seconds", meaning, labels=["request"])
    for request in requests:
        if not request.finished:
            family.add_metric([request.request_id], time.time() - request.submitted)
    return family
