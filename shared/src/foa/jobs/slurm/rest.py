"""SLURM through slurmrestd: one address and a token are all that a daemon needs, no program of SLURM's.

Versions of its interface differ in shape: read here are v0.0.38 (SLURM 22.05, dbv0.0.38) to v0.0.41.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from foa.jobs.model import Job
from foa.jobs.slurm.client import TIMEOUT_S, NoAnswer, passed_on
from foa.jobs.slurm.text import (
    MIB,
    Rejected,
    Rest,
    Row,
    SlurmSettings,
    Submission,
    Submitted,
    Unsure,
    is_transient,
    minutes,
    niceness,
)

FIRST_MODERN = "v0.0.40"
"""Earlier ones refuse `excluded_nodes` (a failed node is down anyway until somebody resumes it), and take every
`requeue` for yes: let such a SLURM have JobRequeue=0."""
WAITS = "Required node not available"
"""Said of a job that was accepted and waits for a node."""
NOT_THERE = (502, 503, 504)
"""What a web server before slurmrestd says when that is away."""


class RestClient:
    """By HTTP."""

    def __init__(self, settings: SlurmSettings, rest: Rest) -> None:
        self._settings, self._rest = settings, rest

    def submit(self, job: Job) -> Submission:
        """Post the job."""
        content = submission(job, self._settings, passed_on(), self._rest.version)
        try:
            return read_submission(self._ask("POST", "slurm", "job/submit", json=content))
        except NoAnswer as silence:
            return Unsure(str(silence))

    def queued(self, names: Sequence[str]) -> list[Row]:
        """Ask the controller for all its jobs: it cannot be asked for some."""
        return [row for row in map(read_queued, self._get("slurm", "jobs")["jobs"]) if row.name in names]

    def accounted(self, names: Sequence[str], since: int) -> list[Row]:
        """Ask the accounting."""
        wanted = {"job_name": ",".join(names), "start_time": f"uts{since}"}
        return [read_accounted(job) for job in self._get("slurmdb", "jobs", params=wanted)["jobs"]]

    def check(self) -> str:
        """Ask whether the controller lives."""
        pings = self._get("slurm", "ping")["pings"]
        if not any("UP" in (ping.get("ping"), ping.get("pinged")) for ping in pings):
            raise NoAnswer(f"{self._rest.url}: no controller is up")
        return f"{self._rest.url}: a controller is up"

    def _get(self, plugin: str, what: str, **content: Any) -> dict[str, Any]:
        answer = self._ask("GET", plugin, what, **content)
        if reason := _errors(answer):
            raise NoAnswer(f"{self._rest.url}: {reason}")
        return answer

    def _ask(self, method: str, plugin: str, what: str, **content: Any) -> dict[str, Any]:
        try:
            with self._connect() as http:
                answer = http.request(method, f"/{plugin}/{self._rest.version}/{what}", **content)
            if answer.status_code in NOT_THERE:
                raise NoAnswer(f"{self._rest.url}: {answer.status_code} {answer.reason_phrase}")
            return dict(answer.json())
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise NoAnswer(f"{self._rest.url}: {error or type(error).__name__}") from error

    def _connect(self) -> httpx.Client:
        socket = self._rest.url.removeprefix("unix:") if self._rest.url.startswith("unix:") else None
        return httpx.Client(
            base_url="http://localhost" if socket else self._rest.url, headers=self._headers(), timeout=TIMEOUT_S,
            transport=httpx.HTTPTransport(uds=socket),
        )  # fmt: skip

    def _headers(self) -> dict[str, str]:
        if self._rest.token_file is None:
            return {}
        token = self._rest.token_file.read_text().strip()
        return {"X-SLURM-USER-NAME": self._rest.user or "", "X-SLURM-USER-TOKEN": token}


def submission(job: Job, settings: SlurmSettings, environment: Mapping[str, str], version: str) -> dict[str, Any]:
    """The submission of a job; its command is quoted into the script, since v0.0.38 crashes on arguments."""
    resources, modern = job.resources, version >= FIRST_MODERN
    options = {
        "name": job.name, "account": settings.account, "partition": settings.partition, "qos": settings.qos,
        "current_working_directory": str(job.directory), "standard_output": str(job.directory / "out"),
        "standard_error": str(job.directory / "err"), "open_mode": "truncate",
        "requeue": False if modern else None,
        "memory_per_node": resources.memory_mib, "cpus_per_task": resources.cores,
        "time_limit": minutes(resources.time_limit_s),
        "nice": niceness(job.priority),
        "environment": [f"{name}={value}" for name, value in environment.items()] if modern else dict(environment),
        "excluded_nodes": list(resources.excluded_nodes) if modern and resources.excluded_nodes else None,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    return {"script": f"#!/bin/bash\nexec {shlex.join(job.command)}\n", "job": given}


def read_submission(answer: Mapping[str, Any]) -> Submission:
    """How a submission ended; what has an id was accepted, whatever is complained of."""
    if job_id := answer.get("job_id"):
        return Submitted(str(job_id))
    reason = _errors(answer) or f"slurmrestd answered {answer}"
    doubtful = not answer.get("errors") or is_transient(reason) or WAITS in reason
    return Unsure(reason) if doubtful else Rejected(reason)


def read_queued(job: Mapping[str, Any]) -> Row:
    """A job as the controller knows it."""
    return Row(
        str(job["job_id"]), job["name"], _state(job["job_state"]), _number(job["submit_time"]),
        node=job["nodes"] or "", directory=job["current_working_directory"] or "",
    )  # fmt: skip


def read_accounted(job: Mapping[str, Any]) -> Row:
    """A job as the accounting knows it; v0.0.38 never tells exit codes, only signals."""
    ended, steps = job["exit_code"], job["steps"]
    signal = ended.get("signal") or {}
    used = [tres for step in steps for tres in step["tres"]["requested"]["max"] if tres["type"] == "mem"]
    return Row(
        str(job["job_id"]), job["name"], _state(job["state"]["current"]), _number(job["time"]["submission"]),
        _number(ended["return_code"]), _number(signal.get("signal_id", signal.get("id"))), job["nodes"] or "",
        _number(job["time"]["elapsed"]), max((tres["count"] for tres in used), default=0) // MIB,
        job["working_directory"] or "",
    )  # fmt: skip


def _errors(answer: Mapping[str, Any]) -> str:
    said = [(error.get("description"), error.get("error")) for error in answer.get("errors", [])]
    return "; ".join(": ".join(filter(None, texts)) for texts in said)


def _state(state: str | Sequence[str]) -> str:
    """The state without its flags, which newer versions list after it."""
    return state if isinstance(state, str) else next(iter(state), "")


def _number(value: Any) -> int:
    """A number, which newer versions wrap."""
    if isinstance(value, Mapping):
        value = value["number"] if value["set"] else 0
    return int(value or 0)
