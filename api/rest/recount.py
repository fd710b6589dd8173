"""Counting history again, for a line or zone that was drawn or moved later: `/v1/lines/{line}/recount`, `zones`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from aforo.errors import QueryError
from aforo.model import PlaceKind
from api.context import Context, ContextDep
from api.place_series import find_place
from api.schemas import Answer, ErrorAnswer, RangeQuestion
from api.time_ranges import parse_open_range

router = APIRouter(
    prefix="/v1",
    tags=["counts"],
    responses={
        400: {"model": ErrorAnswer, "description": "A parameter is wrong, or another recount is running."},
        404: {"model": ErrorAnswer, "description": "There is no such line or zone."},
        503: {"model": ErrorAnswer, "description": "The database does not answer."},
    },
)


class RecountAnswer(Answer):
    """What was counted: `count` crossings or visits of `tracks` road users, with that version of the geometry."""

    kind: str
    place: str
    geometry: str
    tracks: int
    count: int


RangeQuery = Annotated[RangeQuestion, Query()]
LineId = Annotated[str, Path(description="Id of the counting line.")]
ZoneId = Annotated[str, Path(description="Id of the zone.")]


@router.post("/lines/{line}/recount", summary="Count the history of a line again")
def recount_line(context: ContextDep, line: LineId, question: RangeQuery) -> RecountAnswer:
    """Counts the road users that began in the range by the line as it is now; default: all that are stored.

    Their rows of this line are replaced; doing it again changes nothing.
    """
    return _recount(context, PlaceKind.LINE, line, question)


@router.post("/zones/{zone}/recount", summary="Count the history of a zone again")
def recount_zone(context: ContextDep, zone: ZoneId, question: RangeQuery) -> RecountAnswer:
    """As for lines: visits to the zone as it is now."""
    return _recount(context, PlaceKind.ZONE, zone, question)


def _recount(context: Context, kind: PlaceKind, place: str, question: RangeQuestion) -> RecountAnswer:
    if not context.recount_runner.offered:
        raise QueryError("this server does not recount; use `aforo recount`")
    find_place(context.site, kind, place)
    start_us, end_us = parse_open_range(question.start, question.end, context.site.timezone)
    done = context.recount_runner.run(kind, place, start_us, end_us)
    return RecountAnswer(kind=done.kind, place=done.place, geometry=done.geometry, tracks=done.tracks, count=done.count)
