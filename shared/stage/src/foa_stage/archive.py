"""Find files of the on-site analysis by the site's templates. Nothing is ever written there."""

import glob
import re
import string
from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from foa_stage.manifests import Archive, FileStamp, digest


def nights_between(first: date, last: date) -> Iterator[date]:
    """Yield every night from first to last, both included."""
    for day in range((last - first).days + 1):
        yield first + timedelta(days=day)


def spell_night(night: date) -> str:
    """Spell a night as directories do: YYYYMMDD."""
    return night.strftime("%Y%m%d")


def find_files(template: str, **values: str | int) -> list[Path]:
    """Find all files that match an absolute template, v0.9 before v0.10.

    A placeholder without a value matches anything.
    """
    fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    for missing in fields - values.keys():
        template = template.replace(f"{{{missing}:05d}}", "*").replace(f"{{{missing}}}", "*")
    return sorted(Path("/").glob(template.format(**values).lstrip("/")), key=_natural_order)


def _natural_order(path: Path) -> list[tuple[int, str]]:
    """Compare digits in a path as numbers."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]


def find_newest(template: str, **values: str | int) -> Path | None:
    """Find the newest version of a file; None if there is none."""
    return next(reversed(find_files(template, **values)), None)


def stamp(path: Path) -> FileStamp:
    """Identify a file's content by path, size and time of modification."""
    status = path.stat()
    return FileStamp(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)


def fingerprint(
    archive: Archive, first: date, last: date, obs_ids: Collection[int] | None = None
) -> str:
    """Return the digest of the stamps of the files that a selection of these nights depends on.

    Those are the files of the nights, the models, the logs of the tailcuts finder of the runs that
    have DL1 files there (or of `obs_ids`), and the directories of the test MC: files come and go
    there by thousands, and a directory's time tells that.
    """
    nights = list(map(spell_night, nights_between(first, last)))
    nightly = (archive.run_summary, archive.run_catalog, archive.datacheck, archive.dl1)
    of_nights = [
        path
        for night in nights
        for template in nightly
        for path in find_files(template, night=night)
    ]
    runs = sorted(obs_ids or _runs_of(archive.dl1, of_nights))
    logs = [path for run in runs for path in find_files(archive.tailcuts, obs_id=run)]
    models = find_files(f"{archive.models}/{glob.escape(archive.production)}*/*/*")
    test_mc = find_files(str(Path(archive.test_dl2).parent))
    every = (*of_nights, *logs, *models, *test_mc)
    return digest({"stamps": [stamp(path).model_dump(mode="json") for path in every]})


def _runs_of(template: str, paths: Iterable[Path]) -> set[int]:
    """Return the run numbers in the paths that match a template."""
    parts = filter(None, re.split(r"(\{obs_id:05d\}|\{\w+\}|\*)", template))
    pattern = re.compile("".join(map(_match_part, parts)))
    found = (pattern.fullmatch(str(path)) for path in paths)
    return {int(match[1]) for match in found if match}


def _match_part(part: str) -> str:
    """Return the regular expression of a part of a template: run number, other wildcard, text."""
    if part == "{obs_id:05d}":
        return r"(\d+)"
    return "[^/]*" if part[0] in "{*" else re.escape(part)
