"""Jobs: what a service asks for, how it can end, what follows from the ending, and who executes it."""

from foa.jobs.model import Completed, Died, Ending, Executor, JobSpec, JobState, Resources, Wait
from foa.jobs.policy import Again, GiveUp, follow_up

__all__ = [
    "Again", "Completed", "Died", "Ending", "Executor", "GiveUp", "JobSpec", "JobState", "Resources", "Wait",
    "follow_up",
]  # fmt: skip
