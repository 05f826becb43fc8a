"""Local executor: jobs are supervised processes of this host."""

from foa.executors.local.settings import LocalExecution

__all__ = ["LocalExecution"]
