"""`/metrics`, `/live` and `/ready` of a service."""

import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

Probe = Callable[[], str]
"""Says what is wrong; nothing when all is well."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A line for every scrape helps nobody."""


def listen(address: str, registry: CollectorRegistry, probes: dict[str, Probe]) -> WSGIServer:
    """Answer on HOST:PORT in the background: metrics of `registry`, and each probe at its path.

    Raises
    ------
    OSError
        If the address cannot be listened on.
    """
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return list(metrics(environ, start_response))
        trouble = probes[path]() if path in probes else "no such page"
        status = "200 OK" if not trouble else "503 Service Unavailable" if path in probes else "404 Not Found"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [(trouble or "ok").encode() + b"\n"]

    host, _, port = address.rpartition(":")
    server = make_server(host or "127.0.0.1", int(port), answer, server_class=_Server, handler_class=_Silent)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server
