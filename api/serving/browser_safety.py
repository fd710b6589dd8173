"""What protects a browser, and this server from what other sites make a browser do.

Security headers; no answer under a foreign host name (DNS rebinding); no writing on behalf of a foreign page (CSRF).
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.serving.error_answers import error_answer

LOG = logging.getLogger(__name__)

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Where an answer does not say otherwise: what is live is not kept."""

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing; every other one writes."""

WRITING_HEADER = "X-Aforo-Request"
"""Every writing request has it, with the value 1: no form can send it, and no foreign script without being asked."""

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/@?#\\]+)(:(?P<port>\d{1,5}))?")
_PORTS = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class BrowserSafety:
    """Adds the security headers, and answers under no other host names than its own (DNS rebinding).

    Pure ASGI, so that endless answers (live video, events) pass unbuffered.

    Args:
        app: what is protected.
        allowed_hosts: names that are answered besides those of loopback and the address that a request came in by:
            an address is nobody else's site.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = (*LOOPBACK_NAMES, *map(_plain, allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if not self._answers_under(scope):
            refusal = error_answer(
                400,
                f"this server answers only as {', '.join(self._hosts)}; open it under one of those, or add the name to "
                "api.allowed_hosts",
            )
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # The answer says nothing of the cause, which may name files or addresses that are nobody's business.
            LOG.exception("%s %s failed: %s", scope["method"], scope["path"], type(error).__name__)
            if started:
                raise
            answer = error_answer(500, "something went wrong in the server; its log says more")
            await answer(scope, receive, send_with_headers)

    def _answers_under(self, scope: Scope) -> bool:
        match = _HOST.fullmatch(Headers(scope=scope).get("host", ""))
        if match is None:
            return False
        name, own = _plain(match["name"]), scope.get("server")
        return name in self._hosts or (own is not None and name == _plain(own[0]))


async def refuse_foreign_writing(request: Request) -> None:
    """A dependency of every route: nothing is written that a page of another site may have asked for.

    Raises:
        HTTPException: 403; the request writes, and comes from another origin or lacks the header `WRITING_HEADER`.
    """
    if request.method in READING:
        return
    headers = request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or not _is_of_this_origin(request):
        raise HTTPException(403, "a page of another site cannot write here; use this server's own page, or a program")
    if headers.get(WRITING_HEADER) != "1":
        raise HTTPException(403, f"expected the header {WRITING_HEADER}: 1 with each request that writes")


def _is_of_this_origin(request: Request) -> bool:
    """Whether the request's Origin, where it has one, is the server that it is sent to."""
    origin = request.headers.get("origin")
    if origin is None:
        return True
    scheme, _, place = origin.partition("://")
    its, ours = _HOST.fullmatch(place), _HOST.fullmatch(request.headers.get("host", ""))
    if its is None or ours is None or scheme not in _PORTS:
        return False
    if request.url.scheme == "https" and scheme != "https":
        return False  # what came over plain HTTP may have been written by anybody on the way
    port = _PORTS[scheme]
    return (_plain(its["name"]), int(its["port"] or port)) == (_plain(ours["name"]), int(ours["port"] or port))


def describe_writing(operation: dict[str, Any]) -> None:
    """Say in the OpenAPI description of an operation what `refuse_foreign_writing` asks of it."""
    operation.setdefault("parameters", []).append(
        {
            "name": WRITING_HEADER,
            "in": "header",
            "required": True,
            "description": "No other site's page can send it.",
            "schema": {"type": "string", "enum": ["1"]},
        }
    )
    operation["responses"]["403"] = {
        "description": f"The header {WRITING_HEADER} is missing, or a page of another site asks.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
    }


def _plain(name: str) -> str:
    """A host name or address in the one form in which two of them are compared."""
    name = name.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
