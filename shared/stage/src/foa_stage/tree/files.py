"""Write files so that they are either whole or absent."""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foa_stage.manifests import Product

TAIL_BYTES = 16 << 10
"""Of a log: a stage may write gigabytes, and lines of any length."""


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old or the new content, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = draft_of(path)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_once(path: Path, content: bytes) -> bool:
    """Write a file unless there is one, which stays as it is; tell whether it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = draft_of(path)
    try:
        write_atomic(temporary, content)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def link_atomic(link: Path, target: Path) -> None:
    """Make or replace a symbolic link."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = draft_of(link)
    temporary.symlink_to(target)
    temporary.replace(link)


def draft_of(path: Path) -> Path:
    """Name a temporary file; process numbers repeat on other hosts and in containers."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def _sync_directory(directory: Path) -> None:
    """Let a rename survive a crash of the host."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file exclusively; the lock of a process that dies is released."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_tail(path: Path, lines: int) -> str:
    """Read the last lines of a text file, at most `TAIL_BYTES`; nothing if there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - TAIL_BYTES, 0))
            content = file.read()
    except FileNotFoundError:
        return ""
    return "\n".join(content.decode(errors="replace").splitlines()[-lines:])


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_sources(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a package's directory, by relative path.

    Byte code in `__pycache__` and whatever begins with a dot are left out.
    """
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    named = ((path.relative_to(directory), path) for path in files)
    return {
        str(name): sha256_of(path)
        for name, path in named
        if not any(part.startswith(("__pycache__", ".")) for part in name.parts)
    }


def product_of(role: str, path: Path, events: int | None = None) -> Product:
    """Describe a finished file."""
    return Product(
        role=role, path=path, size=path.stat().st_size, sha256=sha256_of(path), events=events
    )
