"""The endpoint of server-sent events: `/v1/events`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from api.context import ContextDep
from api.live.endless_response import EndlessResponse

router = APIRouter(prefix="/v1", tags=["live"])

LastEventId = Annotated[
    str | None, Header(description="Id of the last event received; browsers send it when they connect again.")
]


@router.get(
    "/events",
    summary="Crossings, counts and camera states as they happen",
    response_class=EndlessResponse,
    responses={200: {"content": {"text/event-stream": {}}}, 503: {"description": "No cameras run in this process."}},
)
async def events(context: ContextDep, last_event_id: LastEventId = None) -> Response:
    """Server-sent events.

    - `crossing`: one road user crossed a line: camera, line, direction, road_user (best class so far), at.
    - `counts`: a camera's running counts of its newest day per line, who is in its zones now (null: not known), and
      the minute of its newest frame. Sent at the start and whenever they change; unlike `crossing` they follow
      corrections of the class.
    - `status`: a camera's state, since when, why, and whether it has a picture; at the start and whenever it changes.
    - `lost`: so many crossings were not sent, because this reader was too slow or away for too long.
    - `end`: the server stops.

    With `Last-Event-ID`, as browsers send it when they come back, the stream goes on behind that crossing.
    """
    return EndlessResponse(context.live.events(last_event_id), media_type="text/event-stream")
