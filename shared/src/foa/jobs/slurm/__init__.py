"""The SLURM executor: building and parsing are pure, one client runs commands, one watcher asks for all jobs."""

from foa.jobs.slurm.executor import SlurmExecutor

__all__ = ["SlurmExecutor"]
