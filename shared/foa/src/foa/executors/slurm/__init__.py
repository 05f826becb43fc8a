"""SLURM as a scheduler, spoken to by its commands or through slurmrestd."""

from foa.executors.slurm.settings import Rest, SlurmExecution, SlurmSettings

__all__ = ["Rest", "SlurmExecution", "SlurmSettings"]
