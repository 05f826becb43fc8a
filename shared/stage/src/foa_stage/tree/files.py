"""Write files so that they are either whole or absent."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foa_stage.manifests import Product


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def link_atomic(link: Path, target: Path) -> None:
    """Make or replace a symbolic link."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f".{link.name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file exclusively; the lock of a process that dies is released."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_sources(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a package's directory, by relative path.

    Byte code and other caches, whose directories begin with `__` or `.`, are left out.
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
