"""Batch executor: runs jobs by any batch scheduler."""

from foa.executors.batch.executor import BatchExecutor

__all__ = ["BatchExecutor"]
