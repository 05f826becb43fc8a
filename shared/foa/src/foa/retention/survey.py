"""Find what may be dropped from a run tree by the policy of a site."""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foa.retention.policy import DAY_S, Retention
from foa.retention.usage import TreeUsage, Usage, UsedWork
from foa_stage.tree import RunTree, Work

LEFTOVERS = "leftovers"
"""What failed jobs left behind, and what jobs left in their temporary directories."""
DRAFTS = "drafts"
"""Temporary files of writers that were killed."""
DRAFT_DAYS = 1
DRAFT_NAME = re.compile(r"\..+\.[0-9a-f]{32}")
"""Names that `foa_stage.tree.files` gives to files that are not yet whole."""


@dataclass(frozen=True)
class Droppable:
    """A file that may be dropped."""

    path: Path
    kind: str
    """The stage that made it, `LEFTOVERS` or `DRAFTS`."""
    size: int
    """In bytes."""
    idle_since: float
    """When it was last asked for, as Unix time."""
    requests: tuple[str, ...] = ()
    """Ids of the requests that led to it."""
    work: Work | None = None
    decided: Mapping[Work, float] = field(default_factory=dict)
    """When somebody last decided about each work that uses it, as Unix time."""


def find_droppable(tree: RunTree, retention: Retention, now: float) -> list[Droppable]:
    """Find the files that may be dropped at a time (Unix time), the longest idle ones first."""
    usage = TreeUsage(tree)
    works = _reject_links(tree, usage.works)
    found = [
        *(one for used in works for one in _find_products(used, usage, retention)),
        *(one for used in works for one in _find_leftovers(used)),
        *_find_drafts(tree),
    ]
    days = {**retention.products, LEFTOVERS: retention.leftovers, DRAFTS: DRAFT_DAYS}
    limits = {kind: now - DAY_S * count for kind, count in days.items()}
    old = (one for one in found if one.idle_since < limits[one.kind])
    return sorted(old, key=lambda one: (one.idle_since, one.path))


def _find_products(used: UsedWork, usage: TreeUsage, retention: Retention) -> Iterator[Droppable]:
    """Find the products of work that is done, of stages that the policy names."""
    work, report = used.work, used.report
    if work.stage in retention.products and report and report.outcome == "done":
        for product in report.products:
            of_file = usage.of_file(product.path)
            if not of_file.kept and _is_below(product.path, work.products):
                yield from _describe(product.path, work.stage, of_file, work)


def _find_leftovers(used: UsedWork) -> Iterator[Droppable]:
    """Find what was left by work that failed or died, and by jobs in directories of their own."""
    work = used.work
    ended = (attempt.directory for attempt in work.attempts() if attempt.ended)
    left = [path for one in ended for path in _files_below(one) if path.parent != one]
    is_done = used.report is not None and used.report.outcome == "done"
    if not is_done and not used.usage.kept:
        left += list(_files_below(work.products))
    for path in left:
        yield from _describe(path, LEFTOVERS, used.usage, work)


def _find_drafts(tree: RunTree) -> Iterator[Droppable]:
    for path in _files_below(tree.root):
        if DRAFT_NAME.fullmatch(path.name):
            yield from _describe(path, DRAFTS, Usage(), None)


def _describe(path: Path, kind: str, usage: Usage, work: Work | None) -> Iterator[Droppable]:
    """Describe a file, unless it is gone or dropping it is no use."""
    status = status_of(path)
    if status is not None and is_of_use(kind, status):
        size = status.st_size if status.st_nlink == 1 else 0
        asked = max(usage.asked, status.st_mtime)
        requests = tuple(sorted(usage.requests))
        yield Droppable(path, kind, size, asked, requests, work, usage.decided)


def is_of_use(kind: str, status: os.stat_result) -> bool:
    """Tell whether a file is no directory and, unless it is a draft, has no other name.

    Dropping a file that has another name frees nothing; results are such files.
    """
    plain = stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)
    return plain and (status.st_nlink == 1 or kind == DRAFTS)


def status_of(path: Path) -> os.stat_result | None:
    """Return the status of a file or link; None if it is gone."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _reject_links(tree: RunTree, works: Sequence[UsedWork]) -> list[UsedWork]:
    """Leave out works whose products lie behind a link: it may lead out of the tree."""
    root = tree.root.resolve()

    def is_plain(products: Path) -> bool:
        return products.resolve() == root / products.relative_to(tree.root)

    return [used for used in works if is_plain(used.work.products)]


def _is_below(path: Path, directory: Path) -> bool:
    inside = path.parent == directory
    return inside or path.parent.resolve().is_relative_to(directory.resolve())


def _files_below(directory: Path) -> Iterator[Path]:
    """Yield the files and links below a directory; links are not followed."""
    for parent, directories, names in os.walk(directory):
        yield from (Path(parent, name) for name in names)
        yield from (link for name in directories if (link := Path(parent, name)).is_symlink())
