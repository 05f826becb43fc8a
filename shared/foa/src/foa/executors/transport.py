"""Transports: the I/O with a scheduler, by programs of this host or by HTTP."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from foa.executors.scheduler import Answer, Command, HttpCall, NoAnswer

PASSED_ON = ("HOME", "LANG", "LC_", "LOGNAME", "PATH", "TZ", "USER")
"""Variables that schedulers' programs and the jobs get from this process, by prefix."""
TIMEOUT_S = 30.0
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
            command.arguments, capture_output=True, text=True, timeout=timeout_s, env=environment
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

    def ask(self, call: HttpCall) -> Answer:
        """Send a request.

        Raises
        ------
        NoAnswer
            If no answer comes, or only that the server is away.
        """
        try:
            with self._connect() as http:
                said = http.request(call.method, call.path, params=call.params, json=call.json)
        except (httpx.HTTPError, OSError) as error:
            raise NoAnswer(f"{self.url}: {error or type(error).__name__}") from error
        if said.status_code in GATEWAY_ERRORS:
            raise NoAnswer(f"{self.url}: {said.status_code} {said.reason_phrase}")
        return Answer(self.url, said.status_code, said.text, said.reason_phrase)

    def _connect(self) -> httpx.Client:
        socket = self.url.removeprefix("unix:") if self.url.startswith("unix:") else None
        base = "http://localhost" if socket else self.url
        way = httpx.HTTPTransport(uds=socket)
        return httpx.Client(base_url=base, headers=self.headers(), timeout=TIMEOUT_S, transport=way)
