"""Executors: run jobs as processes of this host, or in a batch system."""

from typing import Annotated

from pydantic import Field

from foa.executors.local import LocalExecution
from foa.executors.port import Executor, Job
from foa.executors.slurm import SlurmExecution

Execution = Annotated[LocalExecution | SlurmExecution, Field(discriminator="kind")]
"""`execution` of a site file. The settings of another scheduler join this union."""

__all__ = ["Execution", "Executor", "Job", "LocalExecution", "SlurmExecution"]
