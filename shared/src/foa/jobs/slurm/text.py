"""What SLURM's commands are told, and what they say. Pure: nothing is run here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from foa.jobs.model import Job, JobState
from foa.manifests import Frozen

MIB = 1 << 20
SCRIPT = """#!/bin/bash
# the stage and its request are the arguments; nothing of a manifest ever reaches this text
exec "$@"
"""
ENDED_STATES: dict[str, JobState | None] = {
    "COMPLETED": None,
    "FAILED": JobState.FAILED,
    "LAUNCH_FAILED": JobState.NODE_FAIL,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "NODE_FAIL": JobState.NODE_FAIL,
    "BOOT_FAIL": JobState.NODE_FAIL,
    "RECONFIG_FAIL": JobState.NODE_FAIL,
    "PREEMPTED": JobState.PREEMPTED,
    "CANCELLED": JobState.CANCELLED,
    "REVOKED": JobState.CANCELLED,
}
"""What the other states mean here; None is well."""
SIGKILL = 9
NEARLY_ALL = 0.9
"""Share of its memory a killed job must have used for the kill to be put down to that."""
TOP_PRIORITY, NICE_STEP = 5, 100
"""Later stages go first, lest a first look wait for every run: jobs may only ask to be put back (--nice)."""
TRANSIENT = ("Unable to contact slurm controller", "Socket timed out", "Connection refused", "Connection timed out",
             "Slurm temporarily unable", "Unexpected message received", "Zero Bytes were transmitted")  # fmt: skip


class Rest(Frozen):
    """Where slurmrestd is."""

    url: str = Field(description="http://HOST:PORT, https://HOST:PORT, or unix:/PATH of a socket")
    version: str = Field(default="v0.0.41", pattern=r"^v\d+\.\d+\.\d+$", description="of the interface")
    user: str | None = Field(default=None, description="whom the token is for; none for authentication by socket")
    token_file: Path | None = Field(default=None, description="holds a JSON Web Token; read anew for every request")


class SlurmSettings(Frozen):
    """How jobs are submitted."""

    account: str = "foa"
    partition: str | None = None
    qos: str | None = None


@dataclass(frozen=True)
class Submitted:
    """SLURM accepted the job."""

    job_id: str


@dataclass(frozen=True)
class Rejected:
    """SLURM will never accept it so."""

    reason: str


@dataclass(frozen=True)
class Unsure:
    """The job may or may not have been accepted: look it up before anything else."""

    reason: str


Submission = Submitted | Rejected | Unsure


@dataclass(frozen=True)
class Row:
    """What SLURM says of a job."""

    job_id: str
    name: str
    state: str
    submitted: int = 0
    exit_code: int = 0
    signal: int = 0
    node: str = ""
    elapsed_s: int = 0
    peak_memory_mib: int = 0
    directory: str = ""
    """Where it runs: the attempt's directory, which tells jobs of one name in two run trees apart."""

    @property
    def is_over(self) -> bool:
        """Whether the job has ended; a state nobody knows is not an ending."""
        return self.state in ENDED_STATES


def sbatch_arguments(job: Job, settings: SlurmSettings) -> list[str]:
    """The submission of a job, as an argument list."""
    directory, resources = job.directory, job.resources
    options = {
        "account": settings.account, "partition": settings.partition, "qos": settings.qos, "job-name": job.name,
        "mem": f"{resources.memory_mib}M", "cpus-per-task": str(resources.cores),
        "time": str(minutes(resources.time_limit_s)),
        "output": str(directory / "out"), "error": str(directory / "err"), "open-mode": "truncate",
        "chdir": str(directory),
        "nice": str(niceness(job.priority)),
        "export": "ALL", "exclude": ",".join(resources.excluded_nodes) or None,
    }  # fmt: skip
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return ["sbatch", "--parsable", "--no-requeue", *given, str(directory / "job.sh"), *job.command]


def minutes(seconds: int) -> int:
    """SLURM's unit of time limits."""
    return -(-seconds // 60)


def niceness(priority: int) -> int:
    """How far back a job is put."""
    return NICE_STEP * max(TOP_PRIORITY - priority, 0)


def read_submission(code: int | None, out: str, err: str) -> Submission:
    """How a submission ended; `code` is None when sbatch was given up on."""
    if code is None:
        return Unsure("sbatch did not answer in time")
    if code == 0:
        job_id = out.strip().split(";")[0]
        return Submitted(job_id) if job_id.isdigit() else Unsure(f"sbatch answered {out!r}")
    reason = err.strip().removeprefix("sbatch: error: ") or f"sbatch ended with {code}"
    return Unsure(reason) if is_transient(err) else Rejected(reason)


def is_transient(err: str) -> bool:
    """Whether an error goes away by itself: the controller or its data base is away, not the request wrong."""
    return any(text in err for text in TRANSIENT)


def test_arguments(settings: SlurmSettings) -> list[str]:
    """Ask whether a job would be accepted."""
    options = {"account": settings.account, "partition": settings.partition, "qos": settings.qos}
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return ["sbatch", "--test-only", *given, "--wrap=true"]


def read_test(err: str) -> str:
    """The first thing a command complains or tells of."""
    return next(iter(err.strip().splitlines()), "").removeprefix("sbatch: ")


def squeue_arguments(names: Iterable[str]) -> list[str]:
    """Ask for jobs SLURM still holds in memory."""
    return ["squeue", "--noheader", "--states=all", f"--name={','.join(names)}", "--format=%i|%j|%T|%V|%N|%Z"]


def read_squeue(out: str) -> list[Row]:
    """Rows of `squeue_arguments`; lines that are no such rows are passed over."""
    rows = [line.split("|") for line in out.splitlines()]
    return [Row(r[0], r[1], r[2], _number(r[3]), node=r[4], directory=r[5]) for r in rows if len(r) == 6]


def sacct_arguments(names: Iterable[str], since: int) -> list[str]:
    """Ask the accounting for jobs submitted after a Unix time."""
    fields = "JobIDRaw,JobName,State,Submit,ExitCode,ElapsedRaw,NodeList,WorkDir,MaxRSS"
    wanted = f"--name={','.join(names)}"
    return [
        "sacct",
        "--noheader",
        "--parsable2",
        "--duplicates",
        f"--starttime=uts{since}",
        wanted,
        f"--format={fields}",
    ]


def read_sacct(out: str) -> list[Row]:
    """Rows of `sacct_arguments`, with the memory of each job's steps; malformed lines are passed over."""
    lines = [parts for line in out.splitlines() if len(parts := line.split("|")) == 9]
    peaks: dict[str, int] = {}
    for job_id, *_, memory in lines:
        owner = job_id.split(".")[0]
        peaks[owner] = max(peaks.get(owner, 0), read_memory(memory))
    return [_sacct_row(parts, peaks[parts[0]]) for parts in lines if "." not in parts[0]]


def _sacct_row(parts: Sequence[str], peak: int) -> Row:
    job_id, name, state, submitted, exit_code, elapsed, node, directory, _ = parts
    code, _, signal = exit_code.partition(":")
    # "CANCELLED by 1000"
    return Row(
        job_id, name, state.split()[0] if state else "", _number(submitted), _number(code), _number(signal), node,
        _number(elapsed), peak, directory,
    )  # fmt: skip


def read_memory(text: str) -> int:
    """SLURM's sizes in MiB: `3.05G`, `812M`, `1024K`, or bytes."""
    factors = {"K": 1024, "M": MIB, "G": 1024 * MIB, "T": MIB * MIB}
    number, factor = (text[:-1], factors[text[-1]]) if text and text[-1] in factors else (text, 1)
    try:
        return int(float(number) * factor / MIB)
    except ValueError:
        return 0


def state_of(row: Row, memory_mib: int) -> JobState | None:
    """How an ended job ended.

    Without cgroups SLURM calls a job it killed for its memory FAILED with signal 9: told by what it had used.
    """
    state = ENDED_STATES[row.state]
    killed = state is JobState.FAILED and row.signal == SIGKILL
    if killed and row.peak_memory_mib >= NEARLY_ALL * memory_mib:
        return JobState.OUT_OF_MEMORY
    return state


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
