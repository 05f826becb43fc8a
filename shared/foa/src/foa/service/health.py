"""`/metrics`, `/live` and `/ready` of a service."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from foa.bus import Bus
from foa.errors import FoaError

Probe = Callable[[], str]
"""Returns what is wrong; nothing when all is well."""


def well() -> str:
    """Find nothing wrong."""
    return ""


def trouble_of_thread(bus: Bus) -> str:
    """Return why a restart would help the connection to the bus."""
    return "" if bus.alive else "the thread of the broker's connection ended, or is stuck"


def trouble_of(bus: Bus) -> str:
    """Return what is wrong with the connection to the bus."""
    return trouble_of_thread(bus) or ("" if bus.connected else "the broker is away")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a line for every scrape helps nobody."""


@contextmanager
def listen(address: str, registry: CollectorRegistry, probes: dict[str, Probe]) -> Iterator[int]:
    """Answer on HOST:PORT in the background, and yield the port.

    Raises
    ------
    FoaError
        If the address cannot be listened on.
    """
    host, _, port = address.rpartition(":")
    app = _application(registry, probes)
    try:
        server = make_server(
            host or "127.0.0.1", int(port), app, server_class=_Server, handler_class=_Silent
        )
    except (OSError, ValueError) as error:
        raise FoaError(f"cannot listen on {address!r}: {error}") from error
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    structlog.get_logger().info("listening", port=server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _application(registry: CollectorRegistry, probes: dict[str, Probe]) -> WSGIApplication:
    """Return the metrics of `registry`, and each probe at its path."""
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return list(metrics(environ, start_response))
        status, text = _probe(probes, path)
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode() + b"\n"]

    return answer


def _probe(probes: dict[str, Probe], path: str) -> tuple[str, str]:
    if path not in probes:
        return "404 Not Found", "no such page"
    trouble = probes[path]()
    return ("503 Service Unavailable", trouble) if trouble else ("200 OK", "ok")
