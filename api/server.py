"""The web server: one listening socket, and an end that does not wait for answers without end."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp

from aforo.errors import ConfigurationError
from aforo.ports import LiveView


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one, which `getsockname` tells.

    Raises:
        ConfigurationError: the address is not this machine's, or the port is in use.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another port, or end the program "
            "that has it"
        ) from error


def base_url(listener: socket.socket) -> str:
    """The address at which a listening socket is reached from this machine, such as `http://127.0.0.1:8000`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn, which closes the live view before it waits for open connections: endless answers end by themselves.

    Args:
        app: what it serves.
        live: what endless answers are made from.
    """

    def __init__(self, app: ASGIApp, live: LiveView) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off")
        )
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers end, close."""
        self._live.close()
        await super().shutdown(sockets)
