"""Questions about counts: `/v1/volumes`, `movements`, `crossings`, `coverage`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from aforo.errors import NotFoundError, QueryError
from aforo.local_time import INTERVALS
from aforo.model import ROAD_USERS, PlaceKind
from api.context import Context, ContextDep
from api.place_series import CountedPlace, find_place, places_of
from api.rest.contents import counts_content, coverage_content, crossings_content
from api.rest.schemas import (
    CountsAnswer,
    CoverageAnswer,
    CoverageQuestion,
    CrossingsAnswer,
    CrossingsQuestion,
    IntervalQuestion,
    MovementsQuestion,
    VolumesQuestion,
)
from api.schemas import REFUSALS
from api.time_ranges import midnight_us, parse_range

CSV_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"example": "start,end,camera,line,zone,count,provisional,coverage,complete\r\n"}}}
}

KEPT: dict[int | str, dict[str, Any]] = {304: {"description": "What `If-None-Match` names is still so."}}

MAXIMUM_CELLS = 400_000
"""Counts in one answer: buckets times places, times directions and classes where these are asked for. It has room for a
year of hours of five lines by class."""

SMALL_CELLS = 2_000
SMALL_PLACE_DAYS = 100
SMALL_CROSSINGS = 1_000
"""What is larger is made in a process of its own."""

router = APIRouter(prefix="/v1", tags=["counts"], responses=REFUSALS)


@router.get(
    "/volumes",
    summary="Volumes of lines and zones",
    response_model=CountsAnswer,
    responses=CSV_ANSWER | KEPT,
)
async def volumes(request: Request, context: ContextDep, question: Annotated[VolumesQuestion, Query()]) -> Response:
    """Road users per place and bucket.

    Every bucket of the range has a row, with count 0 where the camera observed no road user, and null where it
    observed nothing. With `by`, each of the place's directions and each class counted there within the range has a row
    of its own in every bucket. The CSV has the same columns; an unknown count is an empty cell.
    """
    by = _by(question.by)
    places = [find_place(context.site, PlaceKind.LINE, place) for place in dict.fromkeys(question.line)]
    places += [find_place(context.site, PlaceKind.ZONE, place) for place in dict.fromkeys(question.zone)]
    if not places:
        places = places_of(context.site, PlaceKind.LINE) + places_of(context.site, PlaceKind.ZONE)
    return await _counts(request, context, question, places, by, question.format)


@router.get("/movements", summary="Turning movements", response_model=CountsAnswer, responses=KEPT)
async def movements(request: Request, context: ContextDep, question: Annotated[MovementsQuestion, Query()]) -> Response:
    """Road users per turning movement and bucket, by the time at which they passed its second gate."""
    places = [find_place(context.site, PlaceKind.MOVEMENT, place) for place in dict.fromkeys(question.movement)]
    by: set[str] = {question.by} if question.by is not None else set()
    return await _counts(request, context, question, places or places_of(context.site, PlaceKind.MOVEMENT), by)


@router.get("/coverage", summary="What the cameras observed", response_model=CoverageAnswer)
async def coverage(request: Request, context: ContextDep, question: Annotated[CoverageQuestion, Query()]) -> Response:
    """Observed time per camera and bucket. Every bucket of the range has a row."""
    known = [camera.id for camera in context.site.cameras]
    asked = list(dict.fromkeys(question.camera)) or known
    for camera in asked:
        if camera not in known:
            raise NotFoundError(
                f"camera: there is no camera {camera[:80]!r}; the site has: {', '.join(known) or 'none'}"
            )
    start_us, end_us, heavy = _range(context, question, len(asked), set())
    build = partial(coverage_content, context.site, asked, start_us, end_us, question.interval)
    return await context.answers.give(request, build, heavy=heavy)


@router.get("/crossings", summary="Single crossings, newest first", response_model=CrossingsAnswer)
async def crossings(request: Request, context: ContextDep, question: Annotated[CrossingsQuestion, Query()]) -> Response:
    """Single passages over counting lines."""
    places = [find_place(context.site, PlaceKind.LINE, place) for place in question.line]
    lines = [place.id for place in places or places_of(context.site, PlaceKind.LINE)]
    start_us, end_us = parse_range(question.start, question.end, context.site.timezone, context.clock.now_us())
    build = partial(crossings_content, context.site, lines, start_us, end_us, question.limit)
    return await context.answers.give(request, build, heavy=question.limit > SMALL_CROSSINGS)


def _by(text: str | None) -> set[str]:
    parts = {part.strip() for part in text.split(",")} if text is not None else set()
    if not parts <= {"class", "direction"}:
        raise QueryError(f"by: expected class, direction or class,direction, got {(text or '')[:80]!r}")
    return parts


def _range(context: Context, question: IntervalQuestion, places: int, by: set[str]) -> tuple[int, int, bool]:
    """The range asked for, and whether its answer is large; the number of counts is checked before any is made."""
    start_us, end_us = parse_range(question.start, question.end, context.site.timezone, context.clock.now_us())
    split = (2 if "direction" in by else 1) * (len(ROAD_USERS) if "class" in by else 1)
    number = places * split * ((end_us - start_us) // INTERVALS[question.interval] + 1)
    if number > MAXIMUM_CELLS:
        raise QueryError(
            f"interval: expected at most {MAXIMUM_CELLS} counts in one answer, got about {number} "
            f"({question.interval} at {places} places, times {split} by class and direction); ask for a shorter range, "
            "fewer places, a longer interval or a coarser split"
        )
    place_days = places * (end_us - start_us) // INTERVALS["1d"]
    return start_us, end_us, number > SMALL_CELLS or place_days > SMALL_PLACE_DAYS


async def _counts(
    request: Request,
    context: Context,
    question: IntervalQuestion,
    places: Sequence[CountedPlace],
    by: set[str],
    shape: str = "json",
) -> Response:
    start_us, end_us, heavy = _range(context, question, len(places), by)
    build = partial(counts_content, context.site, places, start_us, end_us, question.interval, by, shape)
    past = end_us <= midnight_us(context.clock.now_us(), context.site.timezone)
    return await context.answers.give(request, build, heavy=heavy, kept=past)
