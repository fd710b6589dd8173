"""Live annotated video and single pictures: `/v1/live/{camera}.mjpg` and `.jpg`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from aforo.words.catalogue import Language
from api.context import ContextDep
from api.live.endless_response import EndlessResponse

router = APIRouter(prefix="/v1/live", tags=["live"])


Width = Annotated[int | None, Query(ge=160, le=3840, description="Pixels. Default: the camera's own width.")]


CameraId = Annotated[str, Path(description="Id of the camera.")]


LangQuery = Annotated[Language, Query(description="Language of the labels.")]


_ANSWERS: dict[int | str, dict[str, object]] = {
    404: {"description": "There is no such camera."},
    503: {"description": "The camera has sent no picture yet, or all places for viewers are taken."},
}


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
    shown = await context.live.video(camera, width, lang)
    return EndlessResponse(shown.parts, media_type=shown.media_type)


@router.get(
    "/{camera}.jpg",
    summary="One annotated picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_ANSWERS},
)
async def picture(context: ContextDep, camera: CameraId, width: Width = None, lang: LangQuery = "en") -> Response:
    """The newest picture of the camera, drawn as in the live video."""
    jpeg = await context.live.picture(camera, width, lang)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})
