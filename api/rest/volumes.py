"""Questions about counts: `/v1/volumes`, `movements`, `crossings`, `coverage`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from aforo.errors import NotFoundError, QueryError
from aforo.local_time import INTERVALS, Bucket, buckets, local_time
from aforo.model import MICROSECONDS, PlaceKind
from aforo.traffic_measures import measured
from api.context import Context, ContextDep
from api.place_series import CountedPlace, find_place, places_of, read_series
from api.rest.schemas import (
    CountsAnswer,
    CoverageAnswer,
    CoverageQuestion,
    CoverageRow,
    CrossingAnswer,
    CrossingsAnswer,
    CrossingsQuestion,
    IntervalQuestion,
    MovementsQuestion,
    VolumesQuestion,
)
from api.rest.volume_rows import to_csv, to_json
from api.schemas import REFUSALS
from api.time_ranges import parse_range

CSV_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"example": "start,end,camera,line,zone,count,provisional,coverage,complete\r\n"}}}
}

MAXIMUM_BUCKETS = 50_000
"""Buckets times places in one answer: a year of hours of five lines, a day of minutes of thirty."""

router = APIRouter(prefix="/v1", tags=["counts"], responses=REFUSALS)


@router.get(
    "/volumes",
    summary="Volumes of lines and zones",
    response_model=CountsAnswer,
    responses=CSV_ANSWER,
)
def volumes(context: ContextDep, question: Annotated[VolumesQuestion, Query()]) -> Response:
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
    return _counts(context, question, places, by, question.format)


@router.get("/movements", summary="Turning movements", response_model=CountsAnswer)
def movements(context: ContextDep, question: Annotated[MovementsQuestion, Query()]) -> Response:
    """Road users per turning movement and bucket, by the time at which they passed its second gate."""
    places = [find_place(context.site, PlaceKind.MOVEMENT, place) for place in dict.fromkeys(question.movement)]
    by: set[str] = {question.by} if question.by is not None else set()
    return _counts(context, question, places or places_of(context.site, PlaceKind.MOVEMENT), by)


@router.get("/coverage", summary="What the cameras observed")
def coverage(context: ContextDep, question: Annotated[CoverageQuestion, Query()]) -> CoverageAnswer:
    """Observed time per camera and bucket. Every bucket of the range has a row."""
    known = [camera.id for camera in context.site.cameras]
    asked = list(dict.fromkeys(question.camera)) or known
    for camera in asked:
        if camera not in known:
            raise NotFoundError(
                f"camera: there is no camera {camera[:80]!r}; the site has: {', '.join(known) or 'none'}"
            )
    spans = _buckets(context, question, len(asked))
    start_us, end_us = spans[0].start_us, spans[-1].end_us
    zone = context.site.timezone
    shares = {
        (share.camera, share.start_us): share
        for share in context.reader.coverage(asked, start_us, end_us, question.interval)
    }
    rows = []
    for camera in asked:
        for span in spans:
            share = shares.get((camera, span.start_us))
            figures = measured(span, 0, 0, share.observed_us if share else 0)
            rows.append(
                CoverageRow(
                    start=local_time(span.start_us, zone),
                    end=local_time(span.end_us, zone),
                    camera=camera,
                    observed_s=figures.observed_us / MICROSECONDS,
                    coverage=round(figures.coverage, 4),
                    complete=figures.complete,
                    frames=share.frames if share else 0,
                    dropped=share.dropped if share else 0,
                )
            )
    return CoverageAnswer(**_heading(context, question, spans), rows=rows)


@router.get("/crossings", summary="Single crossings, newest first")
def crossings(context: ContextDep, question: Annotated[CrossingsQuestion, Query()]) -> CrossingsAnswer:
    """Single passages over counting lines."""
    zone = context.site.timezone
    places = [find_place(context.site, PlaceKind.LINE, place) for place in question.line]
    places = places or places_of(context.site, PlaceKind.LINE)
    start_us, end_us = parse_range(question.start, question.end, zone, context.clock.now_us())
    found = context.reader.crossings([place.id for place in places], start_us, end_us, question.limit)
    return CrossingsAnswer(
        rows=[
            CrossingAnswer(
                at=local_time(row.at_us, zone),
                camera=row.camera,
                line=row.line,
                direction=row.direction,
                road_user=row.road_user,
                final=row.final,
                session=row.session,
                track=row.track_id,
                geometry=row.geometry,
            )
            for row in found
        ]
    )


def _by(text: str | None) -> set[str]:
    parts = {part.strip() for part in text.split(",")} if text is not None else set()
    if not parts <= {"class", "direction"}:
        raise QueryError(f"by: expected class, direction or class,direction, got {(text or '')[:80]!r}")
    return parts


def _buckets(context: Context, question: IntervalQuestion, places: int) -> list[Bucket]:
    """The buckets asked for; their number is checked before any of them is made."""
    zone = context.site.timezone
    start_us, end_us = parse_range(question.start, question.end, zone, context.clock.now_us())
    number = places * ((end_us - start_us) // INTERVALS[question.interval] + 1)
    if number > MAXIMUM_BUCKETS:
        raise QueryError(
            f"interval: expected at most {MAXIMUM_BUCKETS} buckets in one answer, got about {number} "
            f"({question.interval} at {places} places); ask for a shorter range, fewer places or a longer interval"
        )
    return buckets(start_us, end_us, question.interval, zone)


def _heading(context: Context, question: IntervalQuestion, spans: Sequence[Bucket]) -> dict[str, Any]:
    zone = context.site.timezone
    return {
        "site": context.site.id,
        "timezone": context.site.timezone.key,
        "interval": question.interval,
        "start": local_time(spans[0].start_us, zone),
        "end": local_time(spans[-1].end_us, zone),
    }


def _counts(
    context: Context, question: IntervalQuestion, places: Sequence[CountedPlace], by: set[str], shape: str = "json"
) -> Response:
    spans, zone = _buckets(context, question, len(places)), context.site.timezone
    series = read_series(context.reader, places, spans, question.interval)
    if shape == "csv":
        return Response(to_csv(series, by, zone), media_type="text/csv; charset=utf-8")
    heading = CountsAnswer(**_heading(context, question, spans), rows=[]).model_dump(mode="json", by_alias=True)
    del heading["rows"]
    return Response(to_json(heading, series, by, zone), media_type="application/json")
