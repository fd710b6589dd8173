"""The operators' page: static files, with its data from `/v1` and its words from the program's catalogue."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import orjson
from fastapi import APIRouter, FastAPI, Header, Request
from fastapi.responses import Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from aforo.words.catalogue import LANGUAGES, words_of

STATIC = Path(__file__).parent / "static"

_ASK_AGAIN = {"cache-control": "no-cache"}
"""Browsers ask again each time whether a file is new: a new version shows at once, an old one costs a 304."""

_WORDS = orjson.dumps({language: words_of(language).page for language in LANGUAGES})
_SCRIPT = b"// Made from the catalogue of words, aforo/words.\nexport const WORDS = " + _WORDS + b";\n"
_SCRIPT_HEADERS = {**_ASK_AGAIN, "etag": f'"{hashlib.sha256(_SCRIPT).hexdigest()[:32]}"'}

router = APIRouter(include_in_schema=False)


class _Files(StaticFiles):
    """The files of the page, with the header `_ASK_AGAIN`."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file."""
        response = await super().get_response(path, scope)
        response.headers.update(_ASK_AGAIN)
        return response


_FILES = _Files(directory=STATIC)


@router.get("/")
async def page(request: Request) -> Response:
    """The page for operators."""
    return await _FILES.get_response("index.html", request.scope)


@router.get("/static/words.js")
def words_script(if_none_match: Annotated[str, Header()] = "") -> Response:
    """The words of the page by language and topic, as a script that its other scripts import."""
    if _SCRIPT_HEADERS["etag"] in if_none_match:
        return Response(status_code=304, headers=_SCRIPT_HEADERS)
    return Response(_SCRIPT, media_type="text/javascript; charset=utf-8", headers=_SCRIPT_HEADERS)


def mount_files(app: FastAPI) -> None:
    """Serve what the page consists of, under `/static`; to be called after `router` is included, which is there too."""
    app.mount("/static", GZipMiddleware(_FILES, minimum_size=1000), name="static")
