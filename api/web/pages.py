"""The web page: static files, nothing made up on the server; everything on it comes from `/v1`."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"

router = APIRouter(include_in_schema=False)


class _Fresh(StaticFiles):
    """Files that browsers ask about again each time: a new version shows at once, an old one costs a 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


@router.get("/")
def page() -> FileResponse:
    """The page for operators."""
    return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})


def mount_files(app: FastAPI) -> None:
    """Serve what the page consists of, under `/static`."""
    app.mount("/static", _Fresh(directory=STATIC), name="static")
