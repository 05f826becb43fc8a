"""SLURM through slurmrestd: a daemon needs an address and a token, no program of SLURM's.

Versions of its interface differ in shape: read here are v0.0.38 (SLURM 22.05, dbv0.0.38) to
v0.0.41 (SLURM 24.05).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from foa.executors.port import Job
from foa.executors.scheduler import (
    Answer,
    HttpCall,
    JobRecord,
    NoAnswer,
    Submission,
    Submitted,
    Unsure,
)
from foa.executors.script import make_script
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

FIRST_MODERN = "v0.0.40"
"""First version that takes `excluded_nodes` and `requeue`.

Earlier ones refuse the former (a failed host is down anyway until somebody resumes it) and take
every value of the latter for yes: such a SLURM must have JobRequeue=0.
"""
NOTHING_FOUND = "Nothing found"
"""What v0.0.38 calls an error, if the accounting knows none of the jobs asked for."""
MISREADINGS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading raises of an answer that is not JSON, or not of the shape expected."""


@dataclass(frozen=True)
class SlurmRest:
    """Scheduler that is called by HTTP."""

    settings: SlurmSettings
    environment: Mapping[str, str]
    """Variables that the jobs get."""
    version: str
    """Version of the interface, as `v0.0.41`."""

    @property
    def id_variable(self) -> str:
        """Return the name of the variable that tells a job its id."""
        return ID_VARIABLE

    def submission(self, job: Job) -> HttpCall:
        """Build the submission; v0.0.38 crashes on arguments, so the script holds them, quoted."""
        script = make_script(self.id_variable, job.command)
        content = {"script": script, "job": self._description(job)}
        return self._call("POST", "slurm", "job/submit", json=content)

    def read_submission(self, answer: Answer) -> Submission:
        """Read a submission's answer: one with a job id means accepted, even if it lists errors."""
        with _reading(answer):
            content = _content(answer)
            if job_id := content.get("job_id"):
                return Submitted(str(job_id))
            words = _errors(content)
            return refusal_of(words) if words else Unsure(f"slurmrestd answered {content}")

    def queue_query(self, jobs: Sequence[Job]) -> HttpCall:
        """Build the call for all jobs of the controller, which cannot be asked for some."""
        return self._call("GET", "slurm", "jobs")

    def read_queue(self, answer: Answer, jobs: Sequence[Job]) -> list[JobRecord]:
        """Read the controller's jobs."""
        names = {job.name for job in jobs}
        with _reading(answer):
            return [_queue_record(said) for said in _jobs(answer) if said.get("name") in names]

    def accounting_query(self, jobs: Sequence[Job], since: int) -> HttpCall:
        """Build the call for jobs of the accounting."""
        wanted = {"job_name": ",".join(job.name for job in jobs), "start_time": f"uts{since}"}
        return self._call("GET", "slurmdb", "jobs", params=wanted)

    def read_accounting(self, answer: Answer, jobs: Sequence[Job]) -> list[JobRecord]:
        """Read the accounting's jobs; v0.0.38 never tells exit codes, only signals."""
        memory = {job.name: job.resources.memory_mib for job in jobs}
        with _reading(answer):
            known = [said for said in _jobs(answer) if said.get("name") in memory]
            return [_accounting_record(said, memory[said["name"]]) for said in known]

    def cancellations(self, records: Sequence[JobRecord]) -> list[HttpCall]:
        """Build a call for each job."""
        return [self._call("DELETE", "slurm", f"job/{record.job_id}") for record in records]

    def test(self) -> HttpCall:
        """Build the call that asks for the controllers."""
        return self._call("GET", "slurm", "ping")

    def read_test(self, answer: Answer) -> str:
        """Read whether a controller is up."""
        with _reading(answer):
            pings = _successful(answer)["pings"]
            if not any("UP" in (ping.get("ping"), ping.get("pinged")) for ping in pings):
                raise NoAnswer(f"{answer.source}: no controller is up")
            return f"{answer.source}: a controller is up"

    def _call(self, method: str, plugin: str, what: str, **content: Any) -> HttpCall:
        return HttpCall(method, f"/{plugin}/{self.version}/{what}", **content)

    def _description(self, job: Job) -> dict[str, Any]:
        return {
            **self.settings.options(),
            "name": job.name,
            **_files(job),
            **_limits(job.resources),
            "nice": niceness(job.priority),
            **self._by_version(job.resources.excluded_hosts),
        }

    def _by_version(self, excluded_hosts: Sequence[str]) -> dict[str, Any]:
        if self.version < FIRST_MODERN:
            return {"environment": dict(self.environment)}
        environment = [f"{name}={value}" for name, value in self.environment.items()]
        excluded = {"excluded_nodes": list(excluded_hosts)} if excluded_hosts else {}
        return {"environment": environment, "requeue": False, **excluded}


def _limits(resources: Resources) -> dict[str, int]:
    return {
        "memory_per_node": resources.memory_mib,
        "cpus_per_task": resources.cores,
        "time_limit": minutes(resources.time_limit_s),
    }


def _files(job: Job) -> dict[str, str]:
    return {
        "current_working_directory": str(job.directory),
        "standard_output": str(job.directory / "out"),
        "standard_error": str(job.directory / "err"),
        "open_mode": "append",
    }


@contextmanager
def _reading(answer: Answer) -> Iterator[None]:
    """Make of whatever an unexpected answer raises that it is none."""
    try:
        yield
    except MISREADINGS as error:
        raise NoAnswer(f"{answer.source}: {answer.code} {answer.err}") from error


def _content(answer: Answer) -> dict[str, Any]:
    """Decode the body of an answer, a JSON object."""
    return dict(json.loads(answer.out))


def _successful(answer: Answer) -> dict[str, Any]:
    """Decode the body of an answer; raises NoAnswer if it lists errors."""
    content = _content(answer)
    if reason := _errors(content):
        raise NoAnswer(f"{answer.source}: {reason}")
    return content


def _jobs(answer: Answer) -> list[dict[str, Any]]:
    if NOTHING_FOUND in _errors(_content(answer)):
        return []
    return list(_successful(answer)["jobs"])


def _errors(content: Mapping[str, Any]) -> str:
    errors = content.get("errors") or []
    said = [(error.get("description"), error.get("error")) for error in errors]
    return "; ".join(": ".join(filter(None, texts)) for texts in said)


def _queue_record(said: Mapping[str, Any]) -> JobRecord:
    phase, submitted = queue_phase_of(_word(said["job_state"])), _number(said["submit_time"])
    record = JobRecord(str(said["job_id"]), said["name"], phase, submitted=submitted)
    directory = _text(said["current_working_directory"])
    return replace(record, host=host_of(_text(said["nodes"])), directory=directory)


def _accounting_record(said: Mapping[str, Any], memory_mib: int) -> JobRecord:
    word, ended, times = _word(said["state"]["current"]), said["exit_code"], said["time"]
    signal = ended.get("signal") or {}
    record = JobRecord(
        str(said["job_id"]),
        said["name"],
        phase_of(word),
        submitted=_number(times["submission"]),
        exit_code=_number(ended["return_code"]),
        signal=_number(signal.get("signal_id", signal.get("id"))),
        host=host_of(_text(said["nodes"])),
        elapsed_s=_number(times["elapsed"]),
        peak_memory_mib=_peak(said["steps"]) // MIB,
        directory=_text(said["working_directory"]),
    )
    return replace(record, state=state_of(word, record, memory_mib))


def _peak(steps: Sequence[Mapping[str, Any]]) -> int:
    """Return the largest memory of any step, in bytes."""
    used = [tres for step in steps for tres in step["tres"]["requested"]["max"]]
    return max((tres["count"] for tres in used if tres["type"] == "mem"), default=0)


def _word(state: str | Sequence[str]) -> str:
    """Return the state without its flags, which newer versions list after it."""
    return state if isinstance(state, str) else next(iter(state), "")


def _text(value: Any) -> str:
    """Return a text; of a job that has not started, some are null."""
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    """Return a number, which newer versions wrap."""
    if isinstance(value, Mapping):
        value = value["number"] if value["set"] else 0
    return int(value or 0)
