"""Settings that all batch schedulers share in a site file."""

from abc import ABC, abstractmethod
from typing import ClassVar

from foa.executors.client import Client, Meter, unmetered
from foa.executors.port import Executor
from foa_stage.manifests import Frozen


class BatchExecution(Frozen, ABC):
    """Jobs go to a batch scheduler.

    A scheduler's settings derive from this and add `kind`, the word that chooses it in a site file.
    Loading them must stay cheap, since every supervisor of a local job does: what makes calls is
    imported when it is first needed.
    """

    title: ClassVar[str]
    """Name of the scheduler, for people."""

    @abstractmethod
    def client(self) -> Client:
        """Make a client of the scheduler."""

    def make_executor(self, meter: Meter = unmetered) -> Executor:
        """Make the executor that submits jobs and watches them; `meter` may count its calls."""
        from foa.executors.batch import BatchExecutor

        return BatchExecutor(meter(self.client()))
