"""Who uses the products in a run tree: the requests that led to them, and jobs under way."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from foa.pipeline import installed_services
from foa.pipeline.progress import progress_of
from foa_stage.manifests import Product
from foa_stage.tree import Report, RunTree, Work


@dataclass
class Usage:
    """When a file or a piece of work was last asked for (Unix time), and by which requests."""

    asked: float = 0.0
    requests: set[str] = field(default_factory=set)
    kept: bool = False
    """Whether it must stay: it is pinned, a result, or needed by a request or job under way."""
    decided: dict[Work, float] = field(default_factory=dict)
    """When somebody last decided about each work that uses it, as Unix time."""

    def merge(self, other: "Usage") -> None:
        """Add what else uses the same."""
        self.asked = max(self.asked, other.asked)
        self.requests |= other.requests
        self.kept |= other.kept
        self.decided |= other.decided


@dataclass(frozen=True)
class UsedWork:
    """A piece of work with its report, and who asked for it."""

    work: Work
    report: Report | None
    usage: Usage


class TreeUsage:
    """What is used in a run tree, read once from all requests and works."""

    def __init__(self, tree: RunTree) -> None:
        """Read the tree; this takes seconds where there are thousands of requests."""
        self._linked: dict[tuple[str, str], Usage] = defaultdict(Usage)
        self._files: dict[Path, Usage] = defaultdict(Usage)
        self._resolve = cache(Path.resolve)
        self._results: set[Path] = set()
        for request_id in tree.request_ids():
            self._read_request(tree, request_id)
        self.works = [self._read_work(work) for work in tree.works()]

    def of_file(self, path: Path) -> Usage:
        """Return who uses a product, by whatever links it is reached."""
        return self._files[self._resolve(path.parent) / path.name]

    def _read_request(self, tree: RunTree, request_id: str) -> None:
        kept = tree.is_pinned(request_id) or not progress_of(tree, request_id).finished
        for link in tree.linked_works(request_id):
            usage = Usage(requests={request_id}, kept=kept)
            self._linked[link.work.stage, link.work.key].merge(usage)
        versions = tree.result_versions(request_id)
        self._results |= {one.resolve() for one in versions if one.is_symlink()}
        for path in _announced_products(tree, request_id) if kept else ():
            self.of_file(path).merge(Usage(requests={request_id}, kept=True))

    def _read_work(self, work: Work) -> UsedWork:
        report, usage = work.last_report(), self._linked[work.stage, work.key]
        decided, under_way = last_decided(work), is_under_way(work)
        kept = under_way or _is_by_hand(work) or self._holds_results(work)
        usage.merge(Usage(asked=decided, kept=kept, decided={work: decided}))
        for product in report.products if report else ():
            self.of_file(product.path).merge(usage)
        for path in _inputs(work) if under_way else ():
            self.of_file(path).merge(usage)
        return UsedWork(work, report, usage)

    def _holds_results(self, work: Work) -> bool:
        return bool(self._results) and work.products.resolve() in self._results


def is_under_way(work: Work) -> bool:
    """Tell whether the end of the newest attempt has not been recorded."""
    attempts = work.attempts()
    return bool(attempts) and not attempts[-1].ended


def _is_by_hand(work: Work) -> bool:
    """Tell whether no job was submitted for a request to a stage: it is one of `foa analyze`."""
    return work.request.exists() and not work.attempts()


def last_decided(work: Work) -> float:
    """Return when somebody last decided about a piece of work, or it ended (Unix time).

    Whoever finds work done, or submits it, opens its lock, and so dates it.
    """
    return max(map(_modified, (work.directory / "lock", work.directory / "report.json")))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _announced_products(tree: RunTree, request_id: str) -> Iterator[Path]:
    """Yield the paths of all products that were announced for a request."""
    for kind in {kind for service in installed_services() for kind in service.announces}:
        for manifest in tree.manifests(request_id, kind):
            yield from _products(dict(manifest).values())


def _products(values: Iterable[Any]) -> Iterator[Path]:
    for value in values:
        if isinstance(value, Product):
            yield value.path
        elif isinstance(value, tuple):
            yield from _products(value)


def _inputs(work: Work) -> Iterator[Path]:
    """Yield all paths in the request to a stage."""
    try:
        yield from _paths(json.loads(work.request.read_bytes()))
    except (FileNotFoundError, ValueError):
        return


def _paths(content: Any) -> Iterator[Path]:
    if isinstance(content, str) and content.startswith("/"):
        yield Path(content)
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _paths(value)
