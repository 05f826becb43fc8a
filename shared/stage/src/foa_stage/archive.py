"""Find files of the on-site analysis by the site's templates. Nothing is ever written there."""

import glob
import re
import string
from collections.abc import Iterator
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


def fingerprint(archive: Archive, first: date, last: date) -> str:
    """Return the digest of the stamps of every file a selection of these nights depends on."""
    nightly = (archive.run_summary, archive.run_catalog, archive.datacheck, archive.dl1)
    of_nights = [
        path
        for night in nights_between(first, last)
        for template in nightly
        for path in find_files(template, night=spell_night(night))
    ]
    models = find_files(f"{archive.models}/{glob.escape(archive.production)}*/*/*")
    others = [*find_files(archive.tailcuts), *models, *find_files(archive.test_dl2)]
    stamps = [stamp(path).model_dump(mode="json") for path in (*of_nights, *others)]
    return digest({"stamps": stamps})
