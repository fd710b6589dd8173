"""The web application: routers put together, errors as one JSON shape, browser safety."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aforo.config import Site
from aforo.errors import AforoError
from aforo.protocols import Clock, CountReader, LiveFeed
from api import downloads, events, health, volumes, web
from api.context import Context, Recounter
from api.elsewhere import LiveElsewhere
from api.live import router as live_router
from api.recount import router as recount_router

LOG = logging.getLogger(__name__)

DESCRIPTION = """Counts of road users per counting line and zone, how complete they are, and reports.

Times are ISO 8601 with the site's offset. A bucket is unknown (`null`), never zero, where no camera observed it."""

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def create_app(
    *,
    site: Site,
    reader: CountReader,
    live: LiveFeed | None,
    clock: Clock,
    elsewhere: LiveElsewhere | None = None,
    recount: Recounter | None = None,
) -> FastAPI:
    """The application of one site.

    Args:
        site: its configuration; the host that it listens on decides which Host headers are answered.
        reader: questions to the store.
        live: the cameras that run in this process, None where there are none.
        clock: processing time, for "until now" and the age of the newest frame.
        elsewhere: where live pictures come from when no cameras run in this process.
        recount: counts the history of a line or zone again, None where that is not offered.
    """
    # No docs pages of FastAPI's own: they load scripts from another site, which neither a closed network nor the
    # content security policy lets through.
    app = FastAPI(title="Aforo", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.state.context = Context(site=site, reader=reader, live=live, clock=clock, elsewhere=elsewhere, recount=recount)
    app.include_router(health.router)
    app.include_router(volumes.router)
    app.include_router(downloads.router)
    app.include_router(recount_router)
    app.include_router(live_router)
    app.include_router(events.router)
    app.include_router(web.router)
    web.mount_files(app)
    app.add_exception_handler(AforoError, _answer_own_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]
    app.add_middleware(BrowserSafety, hosts=LOOPBACK_NAMES if _is_loopback(site.api.host) else None)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description without the answer 422, which FastAPI announces everywhere and this application never gives."""
    document = FastAPI.openapi(app)
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    return document


LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class BrowserSafety:
    """Adds the security headers and, for a server on loopback, answers no other host name (DNS rebinding).

    Pure ASGI, so that endless answers (live video, events) pass unbuffered.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str] | None) -> None:
        self._app = app
        self._hosts = hosts

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

        if self._hosts is not None and _host_name(scope) not in self._hosts:
            refusal = _error(400, f"this server answers only as {', '.join(self._hosts)}; open it under one of those")
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # The answer says nothing of the cause, which may name files or addresses that are nobody's business.
            LOG.exception("%s %s failed: %s", scope["method"], scope["path"], type(error).__name__)
            if started:
                raise
            answer = _error(500, "something went wrong in the server; its log says more")
            await answer(scope, receive, send_with_headers)


def _host_name(scope: Scope) -> str | None:
    try:
        return urlsplit("//" + Headers(scope=scope).get("host", "")).hostname
    except ValueError:
        return None


def _error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


async def _answer_own_error(_request: Request, error: Exception) -> JSONResponse:
    status = error.http_status if isinstance(error, AforoError) else 500
    return _error(status, str(error))


async def _answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    return _error(400, "; ".join(_problem(problem) for problem in problems))


def _problem(problem: dict[str, object]) -> str:
    location = problem.get("loc")
    name = ".".join(str(part) for part in location[1:]) if isinstance(location, (tuple, list)) else "the request"
    if problem.get("type") == "extra_forbidden":
        return f"{name}: there is no such parameter"
    if problem.get("type") == "missing":
        return f"{name}: this parameter is required"
    message = str(problem.get("msg", "not valid")).removeprefix("Value error, ")
    got = problem.get("input")
    shown = repr(got if len(str(got)) <= 80 else str(got)[:80] + "…")  # noqa: PLR2004 -- enough to recognise it
    return f"{name}: {message[:1].lower()}{message[1:]}, got {shown}"


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    sentence = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not possible on {request.url.path}",
    }.get(error.status_code, str(error.detail))
    return _error(error.status_code, sentence, error.headers)
