"""The web server: one listening socket, TLS, and an end that does not wait for answers without end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from aforo.errors import ConfigurationError
from aforo.plain_files import check_plain
from aforo.ports import LiveView
from api.serving.browser_safety import is_loopback
from api.serving.connections import Connection, ConnectionLimits


def check_reach(host: str, *, insecure: bool) -> None:
    """Refuse an address that other machines reach, unless that is asked for.

    Raises:
        ConfigurationError: other machines reach it.
    """
    if not insecure and not is_loopback(host):
        raise ConfigurationError(
            f"api.host: expected an address of loopback such as 127.0.0.1, got {host!r}: there are no accounts yet, so "
            "whoever reaches another address sees live pictures and counts; put a reverse proxy that asks for a login "
            "in front (docs/operation.md), or set api.insecure to true"
        )


def listen(host: str, port: int, *, insecure: bool = False) -> socket.socket:
    """A listening socket; port 0 takes a free one, which `getsockname` tells.

    Args:
        host: the address.
        port: the port.
        insecure: whether the address may be one that other machines reach.

    Raises:
        ConfigurationError: other machines reach the address and may not, it is not this machine's, or the port is in
            use.
    """
    check_reach(host, insecure=insecure)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another port, or end the program "
            "that has it"
        ) from error


def base_url(listener: socket.socket, *, tls: bool = False) -> str:
    """The address at which a listening socket is reached from this machine, such as `http://127.0.0.1:8000`."""
    host, port = listener.getsockname()[:2]
    return f"http{'s' * tls}://{f'[{host}]' if ':' in host else host}:{port}"


def tls_context(certificate: str, key: str | None = None) -> ssl.SSLContext:
    """What a server speaks TLS with, 1.2 or newer.

    Args:
        certificate: file of the certificate chain, PEM.
        key: file of its private key, PEM without a password; None: in the same file.

    Raises:
        ConfigurationError: a file cannot be read, or the two are no certificate and its key.
    """
    for name, file in (("tls_certificate", certificate), ("tls_key", key or certificate)):
        try:
            check_plain(Path(file))
            Path(file).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"api.{name}: cannot read {file}: {error.strerror}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password given, OpenSSL would ask for it at the terminal, and a service would wait for ever.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"api.tls_certificate: expected a certificate in {certificate} and its private key without a password in "
            f"{key or 'the same file'}, both in PEM form; OpenSSL says: {error.reason or 'no such thing in the file'}"
        ) from error
    return context


class Server(uvicorn.Server):
    """uvicorn, which closes the live view before it waits for open connections: endless answers end by themselves.

    Args:
        app: what it serves.
        live: what endless answers are made from.
        tls: what it speaks HTTPS with; None for plain HTTP.
        trusted_proxies: addresses and networks of proxies whose forwarded headers are believed.
        limits: of connections.
    """

    def __init__(
        self,
        app: ASGIApp,
        live: LiveView,
        *,
        tls: ssl.SSLContext | None = None,
        trusted_proxies: Sequence[str] = (),
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 -- immutable
    ) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            lifespan="off",
            loop="api.serving.server:_Loop",
            http=partial(Connection, limits),  # type: ignore[arg-type]
            ws="none",
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
        )
        config.load()
        config.ssl = tls
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers end, close."""
        self._live.close()
        await super().shutdown(sockets)


class _Loop(asyncio.SelectorEventLoop):
    """asyncio's own loop, with an end to the patience for TLS handshakes, which is a minute otherwise."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """As asyncio's own."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = ConnectionLimits().request_s
        return await super().create_server(*args, **options)
