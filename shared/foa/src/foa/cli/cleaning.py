"""The command that drops what the run tree need not keep."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from pydantic import ByteSize, TypeAdapter, ValidationError

from foa import retention
from foa.cli.endings import spell_os_error
from foa.cli.options import JsonOption, SiteOption, YesOption, existing_tree, site_of
from foa.cli.output import make_console, print_json, print_line, print_rows
from foa.errors import ExitStatus, Unavailable
from foa.retention import Droppable
from foa_stage.tree import RunTree

SHOWN_REQUESTS = 2
"""In a row of the table; JSON names all."""


def _read_size(text: str) -> int:
    try:
        return TypeAdapter(ByteSize).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(f"{text!r} is no size such as 500GB or 1.5TiB") from error


DryRunOption = Annotated[bool, typer.Option("--dry-run", help="only say what would be dropped")]
FreeOption = Annotated[
    int | None,
    typer.Option(
        parser=_read_size,
        metavar="SIZE",
        help="stop when so much is freed (500GB, 1.5TiB), the longest idle files first",
    ),
]


def clean(
    dry_run: DryRunOption = False,
    free: FreeOption = None,
    yes: YesOption = False,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop what can be made again and is older than the site's retention allows.

    Results, reports, manifests and requests stay, and so does everything of requests that are
    pinned or not finished. What was dropped is made again when it is next asked for.
    """
    here = site_of(site)
    tree = existing_tree(here)
    chosen = retention.find_droppable(tree, here.retention, time.time())
    if free is not None:
        chosen = retention.choose(chosen, free)
    if not dry_run and chosen:
        _ask(chosen, yes=yes, as_json=as_json)
        chosen = _drop(tree, chosen)
    _tell(chosen, verb="would be freed" if dry_run else "freed", as_json=as_json)
    if free is not None and _bytes_of(chosen) < free:
        raise typer.Exit(ExitStatus.FAILED)  # less than was wanted


def _ask(chosen: Sequence[Droppable], *, yes: bool, as_json: bool) -> None:
    if not yes:
        if not as_json:
            print_rows(_rows(chosen), as_json=False)
        question = f"drop {len(chosen)} files, {_spell(_bytes_of(chosen))}?"
        typer.confirm(question, abort=True, err=True)


def _drop(tree: RunTree, chosen: Sequence[Droppable]) -> list[Droppable]:
    """Drop files, and return those that are gone.

    Raises
    ------
    Unavailable
        If a file cannot be dropped; says what is gone already.
    """
    dropped: list[Droppable] = []
    try:
        dropped.extend(retention.drop(tree, chosen))
    except OSError as error:
        gone = f"; {_spell(_bytes_of(dropped))} freed before" if dropped else ""
        raise Unavailable(f"{spell_os_error(error)}{gone}") from error
    return dropped


def _tell(files: Sequence[Droppable], *, verb: str, as_json: bool) -> None:
    if as_json:
        print_json({"bytes": _bytes_of(files), "files": len(files), "groups": _groups(files)})
        return
    print_rows(_rows(files), as_json=False)
    print_line(make_console(), f"{_spell(_bytes_of(files))} {verb}, {len(files)} files")


def _groups(files: Sequence[Droppable]) -> list[dict[str, Any]]:
    """Sum up files by kind and by the requests that led to them."""
    groups: dict[tuple[str, tuple[str, ...]], list[Droppable]] = defaultdict(list)
    for one in files:
        groups[one.kind, one.requests].append(one)
    return [
        {"kind": kind, "requests": requests, "files": len(those), "bytes": _bytes_of(those)}
        for (kind, requests), those in groups.items()
    ]


def _rows(files: Sequence[Droppable]) -> list[dict[str, Any]]:
    return [
        {
            "kind": group["kind"],
            "requests": _shorten(group["requests"]),
            "files": group["files"],
            "size": _spell(group["bytes"]),
        }
        for group in _groups(files)
    ]


def _shorten(requests: Sequence[str]) -> str:
    """Name some of many requests: IRFs are shared by all of a declination line."""
    more = len(requests) - SHOWN_REQUESTS
    return ", ".join(requests[:SHOWN_REQUESTS]) + (f" and {more} more" if more > 0 else "")


def _bytes_of(files: Sequence[Droppable]) -> int:
    return sum(one.size for one in files)


def _spell(size: int) -> str:
    return ByteSize(size).human_readable(separator=" ")


COMMANDS: dict[str, Callable[..., None]] = {"clean": clean}
