"""Files as manifests speak of them."""

from pathlib import Path

from foa_stage.manifests.canonical import Frozen


class FileStamp(Frozen):
    """A file FOA did not make: what identifies its content without reading gigabytes."""

    path: Path
    size: int
    mtime_ns: int


class Product(Frozen):
    """A file FOA made."""

    role: str
    path: Path
    size: int
    sha256: str
    events: int | None = None
