"""Retention: which products a run tree keeps, for how long, and how old ones are dropped."""

from foa.retention.dropping import choose, drop
from foa.retention.policy import Retention
from foa.retention.survey import Droppable, find_droppable

__all__ = [
    "Droppable",
    "Retention",
    "choose",
    "drop",
    "find_droppable",
]
