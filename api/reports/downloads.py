"""Reports to download: `/v1/reports/hourly.csv`, `.xlsx`, `.pdf`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from aforo.errors import QueryError
from aforo.model import PlaceKind
from aforo.words.catalogue import Language
from api.context import Context, ContextDep
from api.csv_text import Separator
from api.place_series import CountedPlace, find_place
from api.reports.hourly import Report, hourly_report
from api.reports.pdf import to_pdf
from api.reports.workbook import to_csv, to_xlsx
from api.schemas import REFUSALS, RangeQuestion
from api.time_ranges import parse_days, parse_range

FORMATS = ("csv", "xlsx", "pdf")
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
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
def hourly(
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
    report = hourly_report(context.site, context.reader, place, start_us, end_us, question.lang)
    return Response(
        file_content(report, file_format, question.separator),
        media_type=MEDIA_TYPES[file_format],
        headers={"content-disposition": f'attachment; filename="{report.file_name}.{file_format}"'},
    )


def file_content(report: Report, file_format: str, separator: Separator | None) -> bytes:
    """The report as a file of one of `FORMATS`; `separator` is of a CSV.

    Raises:
        QueryError: another format was asked for with a separator, or a PDF of more than a month.
    """
    if file_format != "csv" and separator is not None:
        raise QueryError(f"separator: only a CSV has one, got {separator} for {file_format}; leave it out")
    match file_format:
        case "csv":
            return to_csv(report, separator or "comma")
        case "xlsx":
            return to_xlsx(report)
        case _:
            return to_pdf(report)


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
