"""A small server for a process without the API: its figures for Prometheus, and whether it does its work."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from aforo.errors import ConfigurationError
from aforo.write_health import WriteState


class FiguresServer:
    """Serves `/readyz`, and the figures at every other path.

    Args:
        host, port: where it listens.
        registry: of the figures.
        state: how writing goes; not ready while it fails.

    Raises:
        ConfigurationError: it cannot listen there.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, state: Callable[[], WriteState]) -> None:
        figures = make_wsgi_app(registry)

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            return _readiness(state(), start) if environ["PATH_INFO"] == "/readyz" else figures(environ, start)

        try:
            self._server = make_server(host, port, answer, _Threads, _Silent)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host} port {port}: {error.strerror}; give another port"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="figures", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 -- the name is the library's
        """Nothing: scrapes are not worth a line."""


def _readiness(state: WriteState, start: Callable[..., Any]) -> list[bytes]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if state.failure else HTTPStatus.OK
    body = {
        "status": "not ready" if state.failure else "ready",
        "reasons": [state.failure] if state.failure else [],
        "writing": state.in_parts(),
    }
    start(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
