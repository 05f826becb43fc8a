"""The site file: where this installation finds its data and runs its jobs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from foa.bus.address import BrokerAddress
from foa.documents import read_yaml, validate
from foa.jobs.model import Resources
from foa.jobs.slurm.text import SlurmSettings
from foa.manifests import Archive, Frozen


class LocalExecution(Frozen):
    """Jobs are processes of this machine."""

    kind: Literal["local"] = "local"
    slots: int = Field(default=2, ge=1, description="jobs at a time")


class SlurmExecution(SlurmSettings):
    """Jobs go to SLURM."""

    kind: Literal["slurm"] = "slurm"


class Broker(Frozen):
    """The RabbitMQ the daemons meet at; every service has a user of its own name."""

    host: str = "127.0.0.1"
    port: int = 5671
    vhost: str = "foa"
    passwords: Path = Field(description="directory with a file per user that holds nothing but the password")
    ca_file: Path | None = None

    def address_of(self, user: str) -> BrokerAddress:
        """How a user reaches the broker."""
        return BrokerAddress(
            host=self.host, port=self.port, vhost=self.vhost, user=user, password_file=self.passwords / user,
            ca_file=self.ca_file,
        )  # fmt: skip


class Site(Frozen):
    """One installation. Relative paths are relative to the site file."""

    name: str
    tree: Path = Field(description="the run tree")
    environments: Path = Field(description="one Python environment per service, named like it")
    archive: Archive
    execution: LocalExecution | SlurmExecution = Field(default=LocalExecution(), discriminator="kind")
    broker: Broker | None = Field(default=None, description="only daemons need one")
    resources: Mapping[str, Resources]

    def stage_command(self, service: str) -> tuple[str, ...]:
        """Command that executes a stage; the path of its request follows."""
        return (str(self.environments / service / "bin" / f"foa-{service}"), "stage")

    def lock(self, service: str) -> Path:
        """The lock a service's environment was installed from."""
        return self.environments / service / "lock.txt"


def read_site(path: Path) -> Site:
    """Read a site file.

    Raises
    ------
    FoaError
        If it cannot be read, or anything in it is missing, unknown or of the wrong kind.
    """
    content = read_yaml(path)
    base = path.resolve().parent
    for name in ("tree", "environments"):
        if name in content:
            content[name] = _from(base, content[name])
    archive = content.get("archive")
    if isinstance(archive, dict):
        content["archive"] = {k: v if k == "production" else _from(base, v) for k, v in archive.items()}
    return validate(Site, content, path)


def _from(base: Path, path: Any) -> str:
    """Resolve lexically: templates hold characters that no file name may have."""
    parts: list[str] = []
    for part in (base / str(path)).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))
