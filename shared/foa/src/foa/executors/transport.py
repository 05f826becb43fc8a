"""Transports: the I/O with a scheduler, by programs of this host or by HTTP."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from foa.executors.scheduler import Answer, Command, HttpCall, NoAnswer

PASSED_ON = ("HOME", "LANG", "LC_", "LOGNAME", "PATH", "TZ", "USER")
"""Variables that schedulers' programs and the jobs get from this process, by prefix."""
TIMEOUT_S = 20.0
"""For the answer to a call."""
CONNECT_SHARE = 0.25
"""Part of it for the connection to a server."""
GATEWAY_ERRORS = (502, 503, 504)
"""Statuses of a web server whose server behind it is away."""


def passed_on(*prefixes: str) -> dict[str, str]:
    """Return the variables of this process that programs and jobs get, and those of `prefixes`."""
    wanted = (*PASSED_ON, *prefixes)
    return {name: value for name, value in os.environ.items() if name.startswith(wanted)}


def run_command(command: Command, timeout_s: float = TIMEOUT_S) -> Answer:
    """Run a program to its end.

    Raises
    ------
    NoAnswer
        If it cannot be started, or does not end in time.
    """
    program = command.arguments[0]
    environment = dict(command.environment)
    try:
        ended = subprocess.run(
            command.arguments,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{program} did not answer in time") from error
    except OSError as error:
        raise NoAnswer(f"{program}: {error.strerror}") from error
    return Answer(program, ended.returncode, ended.stdout, ended.stderr)


@dataclass(frozen=True)
class HttpServer:
    """A server at `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`."""

    url: str
    headers: Callable[[], Mapping[str, str]] = dict
    """Called for every request, since tokens expire; may raise OSError."""
    timeout_s: float = TIMEOUT_S
    """For an answer to its last byte."""

    def ask(self, call: HttpCall) -> Answer:
        """Send a request.

        Raises
        ------
        NoAnswer
            If no answer comes in time, or only that the server is away.
        """
        deadline = time.monotonic() + self.timeout_s
        content: dict[str, Any] = {"params": call.params, "json": call.json}
        try:
            with self._connect() as http, http.stream(call.method, call.path, **content) as said:
                body = self._read(said, deadline)
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            raise NoAnswer(f"{self.url}: {error or type(error).__name__}") from error
        if said.status_code in GATEWAY_ERRORS:
            raise NoAnswer(f"{self.url}: {said.status_code} {said.reason_phrase}")
        return Answer(self.url, said.status_code, body, said.reason_phrase)

    def _read(self, said: httpx.Response, deadline: float) -> str:
        """Read an answer that may come in small pieces, or without end."""
        body = bytearray()
        for piece in said.iter_bytes():
            body += piece
            if time.monotonic() > deadline:
                raise NoAnswer(f"{self.url} did not answer in time")
        return body.decode(errors="replace")

    def _connect(self) -> httpx.Client:
        socket = self.url.removeprefix("unix:") if self.url.startswith("unix:") else None
        base = "http://localhost" if socket else self.url
        way = httpx.HTTPTransport(uds=socket)
        connect_s = CONNECT_SHARE * self.timeout_s
        limits = httpx.Timeout(self.timeout_s - connect_s, connect=connect_s)
        return httpx.Client(base_url=base, headers=self.headers(), timeout=limits, transport=way)
