"""A small disk for a run tree, in memory, that can be full."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from foa_testing.stack.processes import run

SIZE_MIB = 512


@dataclass(frozen=True)
class Disk:
    """A file system of limited size; mounting it takes root's rights."""

    mount_point: Path

    @property
    def ballast(self) -> Path:
        """Return the file that takes all space."""
        return self.mount_point / ".ballast"

    def mount(self) -> None:
        """Make it, empty; raises StackError without the right to."""
        self.mount_point.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", self.mount_point)

    def unmount(self) -> None:
        """Drop it with all that is on it, even if somebody still looks."""
        run("umount", "--lazy", self.mount_point, check=False)

    def fill(self) -> None:
        """Let nothing be written any more, though others write meanwhile."""
        with self.ballast.open("wb") as file, suppress(OSError):
            taken = 0
            while free := shutil.disk_usage(self.mount_point).free:
                part = (free + 1) // 2
                os.posix_fallocate(file.fileno(), taken, part)
                taken += part

    def free(self) -> None:
        """Let everything be written again."""
        self.ballast.unlink(missing_ok=True)
