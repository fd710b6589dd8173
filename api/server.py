"""The web server: one listening socket, and an end that does not wait for answers without end."""

from __future__ import annotations

import socket

import uvicorn

from aforo.errors import ConfigurationError
from api.live.hub import LiveHub
from api.live.remote_cameras import LiveElsewhere


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


class Server(uvicorn.Server):
    """uvicorn, which closes the hub before it waits for open connections: live video and events end by themselves.

    Args:
        config: of uvicorn.
        hub: what endless answers are made from; None where there are none.
    """

    def __init__(self, config: uvicorn.Config, hub: LiveHub | LiveElsewhere | None) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers end, close."""
        if self._hub is not None:
            self._hub.close()
        await super().shutdown(sockets)
