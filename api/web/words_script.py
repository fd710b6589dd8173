"""The words of the page as a script that its other scripts import: `/static/words.js`."""

from __future__ import annotations

import hashlib
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Response

from aforo.words.catalogue import LANGUAGES, words_of

_WORDS = orjson.dumps({language: words_of(language).page for language in LANGUAGES})
_SCRIPT = b"// Made from the catalogue of words, aforo/words.\nexport const WORDS = " + _WORDS + b";\n"
_HEADERS = {"cache-control": "no-cache", "etag": f'"{hashlib.sha256(_SCRIPT).hexdigest()[:32]}"'}

router = APIRouter(include_in_schema=False)


@router.get("/static/words.js")
def words_script(if_none_match: Annotated[str, Header()] = "") -> Response:
    """By language and topic; browsers ask about it again each time, as for the other scripts."""
    if _HEADERS["etag"] in if_none_match:
        return Response(status_code=304, headers=_HEADERS)
    return Response(_SCRIPT, media_type="text/javascript; charset=utf-8", headers=_HEADERS)
