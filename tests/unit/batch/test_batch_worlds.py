"""Random worlds for the batch executor: lost replies, restarts, replicas, jobs accepted twice."""

import random
from dataclasses import dataclass, replace

import pytest

from foa.executors.batch import BatchExecutor
from foa.executors.scheduler import Deferred, JobRecord, NoAnswer, Phase, Submitted, Unsure
from foa_stage.jobs import Completed, JobState

FATES = (None, JobState.FAILED, JobState.NODE_FAIL)
N_JOBS, STEP_S, PATIENCE_STEPS = 4, 5, 2000


@dataclass
class SimulatedJob:
    """A job in the scheduler; it is listed from `visible` on."""

    record: JobRecord
    visible: float
    executes: bool = False


class Scheduler:
    """Accepts, refuses and loses by chance; its jobs claim their attempts as the script does."""

    id_variable = "JOB_ID"

    def __init__(self, chance, clock):
        self.chance, self.clock = chance, clock
        self.jobs, self.executions = [], []

    def submit(self, job):
        is_accepted = self.chance.random() < 0.6
        if is_accepted:
            record = JobRecord(str(len(self.jobs)), job.name, Phase.QUEUED)
            record = replace(
                record, directory=str(job.directory), submitted=int(self.clock.monotonic())
            )
            in_flight_s = self.chance.choice((0, 0, STEP_S, 3 * STEP_S))
            self.jobs.append(SimulatedJob(record, self.clock.monotonic() + in_flight_s))
        if self.chance.random() < 0.3:
            return Unsure("the reply was lost")
        return Submitted(self.jobs[-1].record.job_id) if is_accepted else Deferred("not now")

    def queued(self, jobs):
        if self.chance.random() < 0.1:
            raise NoAnswer("away")
        return [one.record for one in self._listed(jobs) if one.record.phase is not Phase.ENDED]

    def accounted(self, jobs, since):
        return [one.record for one in self._listed(jobs)]

    def _listed(self, jobs):
        names = {job.name for job in jobs}
        return [
            one
            for one in self.jobs
            if one.visible <= self.clock.monotonic() and one.record.name in names
        ]

    def advance(self, directories):
        for one in self.jobs:
            if one.visible <= self.clock.monotonic() and self.chance.random() < 0.3:
                self._advance(one, directories[one.record.name])

    def _advance(self, one, directory):
        if one.record.phase is Phase.RUNNING:
            one.executes = False
            state = self.chance.choice(FATES)
            one.record = replace(one.record, phase=Phase.ENDED, state=state)
        elif one.record.phase is Phase.QUEUED:
            one.executes = not (directory / "claim").is_symlink()
            phase = Phase.RUNNING if one.executes else Phase.ENDED
            one.record = replace(one.record, phase=phase)
            if one.executes:
                (directory / "claim").symlink_to(f"{one.record.job_id}/host/1")
                self.executions.append(one.record.name)

    def executing(self, name):
        return any(one.executes for one in self.jobs if one.record.name == name)

    def fate(self, name, claimant):
        return next(
            one.record.state
            for one in self.jobs
            if (one.record.name, one.record.job_id) == (name, claimant)
        )


@pytest.mark.parametrize("seed", range(30))
def test_each_attempt_is_executed_once_and_ends_as_it_was_executed(seed, clock, jobs):
    chance = random.Random(seed)
    scheduler = Scheduler(chance, clock)
    some = jobs(N_JOBS)
    directories = {job.name: job.directory for job in some}

    def start():
        executor = BatchExecutor(scheduler, clock=clock)
        for job in some:
            if job.name not in ended:
                executor.submit(job)
        return executor

    ended = {}
    replicas = [start(), start()]
    for _ in range(PATIENCE_STEPS):
        for number, executor in enumerate(replicas):
            for ending in executor.endings():
                assert not scheduler.executing(ending.name)
                ended[ending.name] = ending
            if chance.random() < 0.05:
                replicas[number] = start()
        if len(ended) == N_JOBS:
            break
        scheduler.advance(directories)
        clock.advance(STEP_S)
    assert sorted(ended) == sorted(scheduler.executions) == list(directories)
    for name, ending in ended.items():
        fate = scheduler.fate(name, (directories[name] / "claim").readlink().parts[0])
        assert (None if isinstance(ending, Completed) else ending.state) == fate
