"""The web application: routers put together, errors as one JSON shape, browser safety."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from aforo.errors import AforoError
from aforo.ports import Clock, CountReader, LiveView
from aforo.site import Site
from aforo.write_health import WriteState
from api.answers import Answers
from api.context import Context
from api.live.routes import router as live_router
from api.recount_runner import Recounter, RecountRunner
from api.reports import downloads
from api.rest import cameras, health, volumes
from api.rest.recount import router as recount_router
from api.schemas import REFUSALS
from api.serving.browser_safety import READING, BrowserSafety, describe_writing, refuse_foreign_writing
from api.serving.error_answers import answer_http_error, answer_invalid, answer_own_error
from api.serving.head_requests import HeadRequests
from api.serving.strict_requests import refuse_unused
from api.store_probe import StoreProbe
from api.web import pages

DESCRIPTION = """Counts of road users per counting line and zone, how complete they are, and reports.

Times are ISO 8601 with the site's offset. A bucket is unknown (`null`), never zero, where no camera observed it."""


def create_app(
    *,
    site: Site,
    reader: CountReader,
    live: LiveView,
    clock: Clock,
    recount: Recounter | None = None,
    allowed_hosts: Sequence[str] = (),
    answers: Answers | None = None,
    writing: Callable[[], WriteState] | None = None,
) -> FastAPI:
    """The application of one site.

    Args:
        site: what is counted, and where.
        reader: questions to the store.
        live: the cameras as they are now: those of this process, or those that workers show.
        clock: processing time, for "until now" and the age of the newest frame.
        recount: counts the history of a line or zone again, None where that is not offered.
        answers: gives answers about history; None: small and large ones alike, in this process.
        allowed_hosts: names under which it answers besides those of loopback; see `BrowserSafety`.
        writing: how writing goes, None where this process writes nothing.
    """
    # No docs pages of FastAPI's own: they load scripts from another site, which neither a closed network nor the
    # content security policy lets through.
    app = FastAPI(
        title="Aforo",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_foreign_writing), Depends(refuse_unused)],
        responses={400: REFUSALS[400]},  # of the second dependency, so of every endpoint
    )
    app.state.context = Context(
        site=site,
        reader=reader,
        answers=answers or Answers(reader),
        live=live,
        clock=clock,
        recount_runner=RecountRunner(recount),
        store=StoreProbe(reader),
        writing=writing,
    )
    app.include_router(health.router)
    app.include_router(cameras.router)
    app.include_router(volumes.router)
    app.include_router(downloads.router)
    app.include_router(recount_router)
    app.include_router(live_router)
    app.include_router(pages.router)
    pages.mount_files(app)
    app.add_exception_handler(AforoError, answer_own_error)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]
    app.add_middleware(HeadRequests)
    app.add_middleware(BrowserSafety, allowed_hosts=allowed_hosts)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The description without the answer 422, which FastAPI announces everywhere and this application never gives."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = FastAPI.openapi(app)
    for operations in document["paths"].values():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            if method.upper() not in READING:
                describe_writing(operation)
    return document
