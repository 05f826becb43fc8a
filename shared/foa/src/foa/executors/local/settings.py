"""Settings of the local executor in a site file."""

from typing import ClassVar, Literal

from pydantic import Field

from foa.executors.client import Client, Meter, unmetered
from foa.executors.port import Executor
from foa_stage.manifests import Frozen


class LocalExecution(Frozen):
    """Jobs are processes of this host."""

    title: ClassVar[str] = "this host"

    kind: Literal["local"] = "local"
    slots: int = Field(default=2, ge=1, description="jobs at a time")

    def client(self) -> Client | None:
        """Return None: there is no scheduler to ask."""
        return None

    def make_executor(self, meter: Meter = unmetered) -> Executor:
        """Make the executor; there are no calls for `meter` to count."""
        from foa.executors.local.executor import LocalExecutor

        return LocalExecutor(self.slots)
