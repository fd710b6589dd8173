"""Live annotated video and single pictures: `/v1/live/{camera}.mjpg` and `.jpg`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from aforo.errors import SourceError
from api.context import Context, ContextDep
from api.live.channel import Channel, EndlessResponse, Lang
from api.live.hub import LiveHub

_BOUNDARY = b"aforo-picture"


router = APIRouter(prefix="/v1/live", tags=["live"])


Width = Annotated[int | None, Query(ge=160, le=3840, description="Pixels. Default: the camera's own width.")]


CameraId = Annotated[str, Path(description="Id of the camera.")]


LangQuery = Annotated[Lang, Query(description="Language of the labels.")]


_ANSWERS: dict[int | str, dict[str, object]] = {
    404: {"description": "There is no such camera."},
    503: {"description": "The camera has sent no picture yet, or all places for viewers are taken."},
}


def hub_of(context: Context) -> LiveHub:
    """The hub of the application.

    Raises:
        SourceError: no cameras run in this process.
    """
    if not isinstance(context.live, LiveHub):
        raise SourceError("no cameras run in this process, so there is nothing live here; ask the one that runs them")
    return context.live


@router.get(
    "/{camera}.mjpg",
    summary="Live annotated video",
    response_class=EndlessResponse,
    responses={200: {"content": {"multipart/x-mixed-replace": {}}}, **_ANSWERS},
)
async def video(context: ContextDep, camera: CameraId, width: Width = None, lang: LangQuery = "en") -> Response:
    """Motion JPEG of what the camera sees, with road users, lines, zones and running counts.

    Only the newest picture is ever sent: a slow connection gets fewer of them. A camera that sends nothing shows its
    last picture in grey, with the time since when.
    """
    if context.elsewhere is not None:
        return await run_in_threadpool(context.elsewhere.video, camera, _query(width, lang))
    channel = hub_of(context).watch(camera, width, lang)
    return EndlessResponse(_parts(channel), media_type=f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}")


@router.get(
    "/{camera}.jpg",
    summary="One annotated picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_ANSWERS},
)
async def picture(context: ContextDep, camera: CameraId, width: Width = None, lang: LangQuery = "en") -> Response:
    """The newest picture of the camera, drawn as in the live video."""
    if context.elsewhere is not None:
        return await run_in_threadpool(context.elsewhere.picture, camera, _query(width, lang))
    channel = hub_of(context).watch(camera, width, lang)
    async with aclosing(channel.pictures()) as pictures:
        async for jpeg in pictures:
            return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})
    raise SourceError(f"camera {camera} has no picture now: the server is about to stop, or its log says why")


def _query(width: int | None, lang: Lang) -> dict[str, str]:
    return {"lang": lang} | ({} if width is None else {"width": str(width)})


async def _parts(channel: Channel) -> AsyncGenerator[bytes, None]:
    """The multipart body. The boundary follows each picture at once: browsers show a picture when they see its end."""
    yield b"--" + _BOUNDARY + b"\r\n"
    async with aclosing(channel.pictures()) as pictures:
        async for jpeg in pictures:
            head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
            yield head + jpeg + b"\r\n--" + _BOUNDARY + b"\r\n"
