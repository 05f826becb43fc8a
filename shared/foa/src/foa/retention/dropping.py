"""Drop files of a run tree while daemons work in it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from foa.retention.survey import Droppable, is_of_use, status_of
from foa.retention.usage import is_under_way, last_decided
from foa_stage.tree import RunTree, Work


def choose(found: Sequence[Droppable], at_least: int) -> list[Droppable]:
    """Choose the first files that together free so many bytes; all if they do not suffice."""
    before = accumulate((one.size for one in found), initial=0)
    return [one for one, freed in zip(found, before, strict=False) if freed < at_least]


def drop(tree: RunTree, chosen: Iterable[Droppable]) -> Iterator[Droppable]:
    """Drop files, and yield those that are gone.

    A daemon may find work done while this runs: what becomes of a piece of work is decided under
    its lock, and work that was asked for since it was surveyed keeps its products.
    """
    by_work: dict[Work | None, list[Droppable]] = {}
    for one in chosen:
        by_work.setdefault(one.work, []).append(one)
    for work, files in by_work.items():
        yield from _drop_of(tree, work, files) if work else _unlink(files)


def _drop_of(tree: RunTree, work: Work, files: Sequence[Droppable]) -> Iterator[Droppable]:
    idle = [one for one in files if not _is_used_again(one)]  # taking the lock dates the work
    with work.lock():
        if not is_under_way(work):
            yield from _unlink(
                one for one in idle if not any(tree.is_pinned(id_) for id_ in one.requests)
            )


def _is_used_again(one: Droppable) -> bool:
    """Tell whether somebody has decided about work that uses a file since it was surveyed."""
    return any(last_decided(work) != then for work, then in one.decided.items())


def _unlink(files: Iterable[Droppable]) -> Iterator[Droppable]:
    for one in files:
        status = status_of(one.path)
        if status is not None and is_of_use(one.kind, status):
            one.path.unlink(missing_ok=True)
            yield one
