"""Versions of a request's results: what people read belongs to the request.

::

    results/001-first-look/   hard links to the products of the analysis, and its links to DL3
    results/.001              symbolic link to the directory where they were made

Cleaning work cannot take results away. Until version 0.2 a version was a symbolic link to the
directory where it was made.
"""

import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from foa_stage.manifests import AnalysisReady
from foa_stage.tree.files import draft_of


@dataclass(frozen=True)
class ResultVersions:
    """The versions of the results of one request, in `directory`."""

    directory: Path

    def all(self) -> list[Path]:
        """Return the directories of all versions, oldest first."""
        return sorted(self.directory.glob("[0-9]*-*"), key=lambda path: _number_of(path.name))

    def find(self, made_in: Path) -> Path | None:
        """Return the version of what was made in a directory; None if there is none."""
        number = self._number(made_in)
        numbered = (one for one in self.all() if _number_of(one.name) == number)
        return next(numbered, None) if number else None

    def keep(self, ready: AnalysisReady) -> None:
        """Give results the next version; add to one that is there whatever it lacks."""
        version = self.find(ready.directory) or self._next_version(ready)
        if version.is_symlink():
            return
        for product in ready.products:
            _keep_file(product.path, version / product.path.relative_to(ready.directory))
        for directory in {product.path.parent for product in ready.products}:
            for link in filter(Path.is_symlink, directory.glob("*")):
                _keep_link(link, version / link.relative_to(ready.directory))

    def _next_version(self, ready: AnalysisReady) -> Path:
        number = self._number(ready.directory) or self._claim_number(ready.directory)
        return self.directory / f"{number:03d}-{ready.phase}"

    def _claim_number(self, made_in: Path) -> int:
        """Take a number that no other version has."""
        self.directory.mkdir(parents=True, exist_ok=True)
        names = (path.name for path in self.directory.iterdir())
        number = max(map(_number_of, names), default=0)
        while True:
            number += 1
            with suppress(FileExistsError):
                (self.directory / f".{number:03d}").symlink_to(made_in)
                return number

    def _number(self, made_in: Path) -> int:
        """Return the number of the version made in a directory; 0 if it has none."""
        links = [*self.directory.glob(".[0-9]*"), *self.directory.glob("[0-9]*-*")]
        found = (link for link in links if link.is_symlink() and link.readlink() == made_in)
        return min((_number_of(link.name) for link in found), default=0)


def _number_of(name: str) -> int:
    found = re.match(r"\.?(\d+)(-|$)", name)
    return int(found[1]) if found else 0


def _keep_link(link: Path, kept: Path) -> None:
    """Repeat a link to what other work made, such as a DL3 file: it may be cleaned away."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        kept.symlink_to(link.readlink())


def _keep_file(made: Path, kept: Path) -> None:
    """Link a file of the results, or copy it where the file system has no hard links.

    One that is no longer there, or was kept before, is passed over.
    """
    if not made.exists():
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(made, kept)
    except (FileNotFoundError, FileExistsError):
        return
    except OSError:  # which error says so depends on the file system
        draft = draft_of(kept)
        shutil.copyfile(made, draft)
        draft.replace(kept)
