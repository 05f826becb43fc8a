"""What Prometheus learns from the run tree, whenever it asks."""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from foa.tree import RunTree, Work
from foa.tree.progress import Progress, newest_requests, progress_of

SHOWN_REQUESTS = 20
"""Requests have labels of their own: only the newest, so that the number of series is bounded."""


class WorkCollector(Collector):
    """What lies in the tree for a service: manifests, jobs under way, space."""

    def __init__(self, tree: RunTree, service: str, under_way: Callable[[], list[Work]]) -> None:
        self._tree, self._service, self._under_way = tree, service, under_way

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look now."""
        unsent, unanswered = self._tree.outbox(self._service), self._tree.pending(self._service)
        yield GaugeMetricFamily("foa_manifests_unsent", "announced, not confirmed by the broker", len(unsent))
        yield GaugeMetricFamily("foa_manifests_unanswered", "told, their work not ended", len(unanswered))
        free = shutil.disk_usage(self._tree.root).free
        yield GaugeMetricFamily("foa_tree_free_bytes", "space left for the run tree", free)
        newest = [attempts[-1] for work in self._under_way() if (attempts := work.attempts())]
        running = sum(attempt.running for attempt in newest)
        jobs = GaugeMetricFamily("foa_jobs", "jobs under way by state", labels=["state"])
        jobs.add_metric(["running"], running)
        jobs.add_metric(["queued"], len(newest) - running)
        yield jobs


class RequestCollector(Collector):
    """Where the newest requests stand."""

    def __init__(self, tree: RunTree) -> None:
        self._tree = tree

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look now."""
        requests = [progress_of(self._tree, request_id) for request_id in newest_requests(self._tree, SHOWN_REQUESTS)]
        runs = GaugeMetricFamily("foa_request_runs", "runs of a request", labels=["request", "stage", "state"])
        phase = GaugeMetricFamily("foa_request_phase", "1 for the phase a request is in", labels=["request", "phase"])
        age = GaugeMetricFamily("foa_request_unfinished_seconds", "since it was submitted", labels=["request"])
        for request in requests:
            for (stage, state), number in _runs_by_state(request).items():
                runs.add_metric([request.request_id, stage, state], number)
            phase.add_metric([request.request_id, request.phase], 1)
            if not request.finished:
                age.add_metric([request.request_id], time.time() - request.asked)
        yield from (runs, phase, age)


def _runs_by_state(request: Progress) -> Counter[tuple[str, str]]:
    return Counter((stage, state) for stages in request.runs.values() for stage, state in stages.items())
