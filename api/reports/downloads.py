"""Reports to download: `/v1/reports/hourly.csv`, `.xlsx`, `.pdf`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from aforo.errors import QueryError
from aforo.local_time import INTERVALS
from aforo.model import PlaceKind
from aforo.words.catalogue import Language
from api.context import Context, ContextDep
from api.csv_text import Separator
from api.place_series import CountedPlace, find_place
from api.reports.files import MEDIA_TYPES, report_content
from api.schemas import REFUSALS, RangeQuestion
from api.time_ranges import parse_days, parse_range

SMALL_US = 31 * INTERVALS["1d"]
"""A CSV of so many days is made at once; anything else in a process of its own."""

_CONTENT: dict[str, Any] = {
    media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
    for media_type in MEDIA_TYPES.values()
}

router = APIRouter(prefix="/v1/reports", tags=["reports"], responses=REFUSALS)


class ReportQuestion(RangeQuestion):
    """Query parameters of `reports/hourly`."""

    line: Annotated[str | None, Field(description="Id of the counting line; either this or `zone`.")] = None
    zone: Annotated[str | None, Field(description="Id of the zone; either this or `line`.")] = None
    day: Annotated[
        str | None,
        Field(
            description="One local day, instead of `from` and `to`; today ends now. Default: today.",
            examples=["2025-05-06"],
        ),
    ] = None
    lang: Annotated[Language, Field(description="Language of the report.")] = "en"
    separator: Annotated[
        Separator | None,
        Field(
            description="Of a CSV: `comma`, with decimal points (default); or `semicolon`, with decimal commas, for "
            "spreadsheets that expect them."
        ),
    ] = None


@router.get(
    "/hourly.{file_format}",
    summary="The hourly volume report of a line or zone",
    response_class=Response,
    responses={200: {"description": "The file.", "content": _CONTENT}},
)
async def hourly(
    request: Request,
    context: ContextDep,
    file_format: Annotated[Literal["csv", "xlsx", "pdf"], Field(description="csv, xlsx or pdf.")],
    question: Annotated[ReportQuestion, Query()],
) -> Response:
    """Hours × classes × directions, totals, peak hour, peak-hour factor and coverage per hour.

    Hours that were not observed are empty, never zero; hours observed in part are marked, and so are sums over them.
    A PDF holds at most a month, the others a year.
    """
    place = _place(context, question)
    start_us, end_us = _range(context, question)
    build = partial(
        report_content, context.site, place, start_us, end_us, question.lang, file_format, question.separator
    )
    heavy = file_format != "csv" or end_us - start_us > SMALL_US
    return await context.answers.give(request, build, heavy=heavy)


def _place(context: Context, question: ReportQuestion) -> CountedPlace:
    if question.line is not None and question.zone is None:
        return find_place(context.site, PlaceKind.LINE, question.line)
    if question.zone is not None and question.line is None:
        return find_place(context.site, PlaceKind.ZONE, question.zone)
    got = "neither" if question.line is None else "both"
    raise QueryError(f"line: expected either a line or a zone, got {got}")


def _range(context: Context, question: ReportQuestion) -> tuple[int, int]:
    zone, now_us = context.site.timezone, context.clock.now_us()
    if question.day is None:
        return parse_range(question.start, question.end, zone, now_us)
    if question.start is not None or question.end is not None:
        raise QueryError("day: expected either a day or a range from … to …, got both")
    return parse_days(question.day, None, zone, now_us)
