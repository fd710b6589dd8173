"""Live annotated video, single pictures and events: `/v1/live/{camera}.mjpg` and `.jpg`, `/v1/events`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from aforo.words.catalogue import Language
from api.context import ContextDep
from api.live.endless_response import EndlessResponse

router = APIRouter(prefix="/v1", tags=["live"])

Width = Annotated[int | None, Query(ge=160, le=3840, description="Pixels. Default: the camera's own width.")]
CameraId = Annotated[str, Path(description="Id of the camera.")]
LangQuery = Annotated[Language, Query(description="Language of the labels.")]
LastEventId = Annotated[
    str | None, Header(description="Id of the last event received; browsers send it when they connect again.")
]

Fresh = Annotated[
    str | None, Query(alias="at", description="Any text: to a browser, an address it has not had is a new picture.")
]


_ANSWERS: dict[int | str, dict[str, object]] = {
    404: {"description": "There is no such camera."},
    503: {"description": "The camera has sent no picture yet, or all places for viewers are taken (`Retry-After`)."},
}


@router.get(
    "/live/{camera}.mjpg",
    summary="Live annotated video",
    response_class=EndlessResponse,
    responses={200: {"content": {"multipart/x-mixed-replace": {}}}, **_ANSWERS},
)
async def video(
    context: ContextDep,
    camera: CameraId,
    width: Width = None,
    lang: LangQuery = "en",
    fresh: Fresh = None,  # noqa: ARG001 (for browsers alone)
) -> Response:
    """Motion JPEG of what the camera sees, with road users, lines, zones and running counts.

    Only the newest picture is ever sent: a slow connection gets fewer of them. A camera that sends nothing shows its
    last picture in grey, with the time since when.
    """
    shown = await context.live.video(camera, width, lang)
    return EndlessResponse(shown.parts, media_type=shown.media_type)


@router.get(
    "/live/{camera}.jpg",
    summary="One annotated picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **_ANSWERS},
)
async def picture(
    context: ContextDep,
    camera: CameraId,
    width: Width = None,
    lang: LangQuery = "en",
    fresh: Fresh = None,  # noqa: ARG001 (for browsers alone)
) -> Response:
    """The newest picture of the camera, drawn as in the live video."""
    jpeg = await context.live.picture(camera, width, lang)
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.get(
    "/events",
    summary="Crossings, counts and camera states as they happen",
    response_class=EndlessResponse,
    responses={
        200: {"content": {"text/event-stream": {}}},
        503: {"description": "No cameras run in this process, or all places for readers are taken (`Retry-After`)."},
    },
)
async def events(context: ContextDep, last_event_id: LastEventId = None) -> Response:
    """Server-sent events.

    - `crossing`: one road user crossed a line: camera, line, direction, road_user (best class so far), at.
    - `counts`: a camera's running counts of its newest day per line (null: nothing of it was observed), `observed`,
      the share of that day so far that was, who is in its zones now (null: not known), and the minute of its newest
      frame. Sent at the start and whenever they change; unlike `crossing` they follow corrections of the class.
    - `status`: a camera's state, since when, why, and whether it has a picture; at the start and whenever it changes.
    - `writing`: how writing what is counted goes, as in `/readyz`; at the start and whenever it changes.
    - `lost`: so many crossings were not sent, because this reader was too slow or away for too long.
    - `end`: the server stops.

    With `Last-Event-ID`, as browsers send it when they come back, the stream goes on behind that crossing.
    """
    return EndlessResponse(context.live.events(last_event_id), media_type="text/event-stream")
