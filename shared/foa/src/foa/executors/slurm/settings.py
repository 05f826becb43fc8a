"""Settings of SLURM in a site file."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from foa.executors.client import Client, SchedulerClient
from foa.executors.settings import BatchExecution
from foa_stage.manifests import Frozen

OWN_VARIABLES = "SLURM_"
"""Prefix of the variables that direct SLURM's commands; jobs get them as well."""


class Rest(Frozen):
    """Address of slurmrestd."""

    url: str = Field(description="http://HOST:PORT, https://HOST:PORT, or unix:/PATH of a socket")
    version: str = Field(
        default="v0.0.41", pattern=r"^v\d+\.\d+\.\d+$", description="of the interface"
    )
    user: str | None = Field(
        default=None, description="whom the token is for; none for authentication by socket"
    )
    token_file: Path | None = Field(
        default=None, description="holds a JSON Web Token; read anew for every request"
    )

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request; raises OSError without the token."""
        if self.token_file is None:
            return {}
        token = self.token_file.read_text().strip()
        return {"X-SLURM-USER-NAME": self.user or "", "X-SLURM-USER-TOKEN": token}


class SlurmSettings(Frozen):
    """Account, partition and QOS of the jobs."""

    account: str = "foa"
    partition: str | None = None
    qos: str | None = None

    def options(self) -> dict[str, str]:
        """Return those that are set, by the names that SLURM gives them everywhere."""
        return self.model_dump(include=set(SlurmSettings.model_fields), exclude_none=True)


class SlurmExecution(SlurmSettings, BatchExecution):
    """Jobs go to SLURM."""

    title: ClassVar[str] = "SLURM"

    kind: Literal["slurm"] = "slurm"
    rest: Rest | None = Field(
        default=None, description="submit through slurmrestd, not by this host's commands"
    )

    def client(self) -> Client:
        """Make a client that uses SLURM's commands, or slurmrestd if `rest` is set."""
        from foa.executors.slurm.commands import SlurmCommands
        from foa.executors.slurm.rest import SlurmRest
        from foa.executors.transport import HttpServer, passed_on, run_command

        environment = passed_on(OWN_VARIABLES)
        if self.rest is None:
            return SchedulerClient(SlurmCommands(self, environment), run_command)
        server = HttpServer(self.rest.url, self.rest.headers)
        return SchedulerClient(SlurmRest(self, environment, self.rest.version), server.ask)
