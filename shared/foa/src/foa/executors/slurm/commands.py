"""SLURM by its commands: sbatch, squeue, sacct."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from foa.executors.port import Job
from foa.executors.scheduler import (
    Answer,
    Command,
    JobRecord,
    NoAnswer,
    Submission,
    Submitted,
    Unsure,
)
from foa.executors.script import SCRIPT_NAME
from foa.executors.slurm.settings import SlurmSettings
from foa.executors.slurm.states import (
    ID_VARIABLE,
    MIB,
    host_of,
    minutes,
    niceness,
    phase_of,
    queue_phase_of,
    refusal_of,
    state_of,
)
from foa_stage.jobs import Resources

SQUEUE = ("squeue", "--noheader", "--states=all", "--format=%i|%j|%T|%V|%N|%Z")
FIELDS = "JobIDRaw,JobName,State,Submit,ExitCode,ElapsedRaw,NodeList,WorkDir,MaxRSS"
SACCT = ("sacct", "--noheader", "--parsable2", "--duplicates", f"--format={FIELDS}")
N_SQUEUE_FIELDS, N_SACCT_FIELDS = 6, 9


@dataclass(frozen=True)
class SlurmCommands:
    """Scheduler that is called by command lines."""

    settings: SlurmSettings
    environment: Mapping[str, str]
    """Variables that the commands, and with them the jobs, get.

    `sbatch --export=NAMES` would choose them as well, but then every job first reads the login
    environment of its user and starts several times as slowly.
    """

    @property
    def id_variable(self) -> str:
        """Return the name of the variable that tells a job its id."""
        return ID_VARIABLE

    def submission(self, job: Job) -> Command:
        """Build an sbatch command."""
        options = {
            **self.settings.options(),
            "job-name": job.name,
            **_limits(job.resources),
            **_files(job.directory),
            "nice": str(niceness(job.priority)),
            "export": "ALL",
            "exclude": ",".join(job.resources.excluded_hosts) or None,
        }
        script = str(job.directory / SCRIPT_NAME)
        flags = _flags(options)
        return self._command("sbatch", "--parsable", "--no-requeue", *flags, script, *job.command)

    def read_submission(self, answer: Answer) -> Submission:
        """Read sbatch's answer: `ID` or `ID;CLUSTER`, or an error."""
        if answer.code == 0:
            job_id = answer.out.strip().split(";")[0]
            unsure = Unsure(f"sbatch answered {answer.out!r}")
            return Submitted(job_id) if job_id.isdigit() else unsure
        words = _words(answer.err)
        return refusal_of(words) if words else Unsure(f"sbatch ended with {answer.code}")

    def queue_query(self, jobs: Sequence[Job]) -> Command:
        """Build an squeue command."""
        return self._command(*SQUEUE, _names(jobs))

    def read_queue(self, answer: Answer, jobs: Sequence[Job]) -> list[JobRecord]:
        """Read squeue's lines; other lines are left out."""
        lines = [line.split("|") for line in _output(answer).splitlines()]
        records = [_queue_record(parts) for parts in lines if len(parts) == N_SQUEUE_FIELDS]
        names = {job.name for job in jobs}
        return [record for record in records if record.name in names]

    def accounting_query(self, jobs: Sequence[Job], since: int) -> Command:
        """Build a sacct command."""
        return self._command(*SACCT, f"--starttime=uts{since}", _names(jobs))

    def read_accounting(self, answer: Answer, jobs: Sequence[Job]) -> list[JobRecord]:
        """Read sacct's lines of jobs and of their steps, which tell the memory.

        Malformed lines are left out.
        """
        lines = [line.split("|") for line in _output(answer).splitlines()]
        lines = [parts for parts in lines if len(parts) == N_SACCT_FIELDS]
        peaks = _peaks(lines)
        memory = {job.name: job.resources.memory_mib for job in jobs}
        return [
            _accounting_record(parts, peaks[parts[0]], memory[parts[1]])
            for parts in lines
            if "." not in parts[0] and parts[1] in memory
        ]

    def cancellations(self, records: Sequence[JobRecord]) -> list[Command]:
        """Build an scancel command."""
        return [self._command("scancel", *(record.job_id for record in records))]

    def test(self) -> Command:
        """Build an sbatch command that submits nothing."""
        flags = _flags(self.settings.options())
        return self._command("sbatch", "--test-only", *flags, "--wrap=true")

    def read_test(self, answer: Answer) -> str:
        """Return sbatch's prediction of when and where the job would start."""
        _output(answer)
        return _first_line(answer.err)

    def _command(self, *arguments: str) -> Command:
        """Build a command whose answer tells times as Unix times."""
        return Command(arguments, {**self.environment, "SLURM_TIME_FORMAT": "%s"})


def read_memory(text: str) -> int:
    """Convert a size of SLURM's (`3.05G`, `812M`, `1024K`, or bytes) to MiB; 0 if it is none."""
    factors = {"K": 1024, "M": MIB, "G": 1024 * MIB, "T": MIB * MIB}
    has_unit = text[-1:] in factors
    number, factor = (text[:-1], factors[text[-1]]) if has_unit else (text, 1)
    try:
        return int(float(number) * factor / MIB)
    except (ValueError, OverflowError):
        return 0


def _limits(resources: Resources) -> dict[str, str]:
    return {
        "mem": f"{resources.memory_mib}M",
        "cpus-per-task": str(resources.cores),
        "time": str(minutes(resources.time_limit_s)),
    }


def _files(directory: Path) -> dict[str, str]:
    return {
        "output": str(directory / "out"),
        "error": str(directory / "err"),
        "open-mode": "append",
        "chdir": str(directory),
    }


def _flags(options: Mapping[str, str | None]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items() if value is not None]


def _names(jobs: Sequence[Job]) -> str:
    return f"--name={','.join(job.name for job in jobs)}"


def _output(answer: Answer) -> str:
    """Return the output of a command that succeeded; raises NoAnswer with the complaint if not."""
    if answer.code != 0:
        raise NoAnswer(_first_line(answer.err) or f"{answer.source} did not answer")
    return answer.out


def _words(err: str) -> str:
    """Return in one line what sbatch wrote on stderr."""
    lines = (line.removeprefix("sbatch: ") for line in err.strip().splitlines())
    return "; ".join(line.removeprefix("error: ") for line in lines)


def _first_line(err: str) -> str:
    return next(iter(err.strip().splitlines()), "").removeprefix("sbatch: ")


def _queue_record(parts: Sequence[str]) -> JobRecord:
    job_id, name, word, submitted, host, directory = parts
    record = JobRecord(job_id, name, queue_phase_of(word), submitted=_number(submitted))
    return replace(record, host=host_of(host), directory=directory)


def _peaks(lines: Sequence[Sequence[str]]) -> dict[str, int]:
    """Return the largest memory of any step of each job, in MiB."""
    peaks: dict[str, int] = {}
    for job_id, *_, memory in lines:
        owner = job_id.split(".")[0]
        peaks[owner] = max(peaks.get(owner, 0), read_memory(memory))
    return peaks


def _accounting_record(parts: Sequence[str], peak_mib: int, memory_mib: int) -> JobRecord:
    job_id, name, state, submitted, ended, elapsed, host, directory, _ = parts
    word = state.partition(" ")[0]  # CANCELLED by 1000
    exit_code, _, signal = ended.partition(":")
    record = JobRecord(
        job_id,
        name,
        phase_of(word),
        submitted=_number(submitted),
        exit_code=_number(exit_code),
        signal=_number(signal),
        host=host_of(host),
        elapsed_s=_number(elapsed),
        peak_memory_mib=peak_mib,
        directory=directory,
    )
    return replace(record, state=state_of(word, record, memory_mib))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
