"""Reports as files: which kinds there are, and the file of a report."""

from __future__ import annotations

from aforo.errors import QueryError
from aforo.ports import CountReader
from aforo.site import Site
from api.content import Content
from api.csv_text import Separator
from api.place_series import CountedPlace
from api.reports.hourly import Report, hourly_report
from api.reports.pdf import to_pdf
from api.reports.workbook import to_csv, to_xlsx

FORMATS = ("csv", "xlsx", "pdf")
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


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


def report_content(
    site: Site,
    place: CountedPlace,
    start_us: int,
    end_us: int,
    lang: str,
    file_format: str,
    separator: Separator | None,
    reader: CountReader,
) -> Content:
    """The hourly report of a line or zone as a file to download.

    Args:
        site: for its names and time zone.
        place: a line or zone.
        start_us: inclusive.
        end_us: exclusive.
        lang: "en" or "es".
        file_format: one of `FORMATS`.
        separator: of a CSV; None for commas.
        reader: questions to the store.

    Raises:
        QueryError: as `hourly_report` and `file_content`.
        StoreError: the database cannot be read.
    """
    report = hourly_report(site, reader, place, start_us, end_us, lang)
    name = f"{report.file_name}.{file_format}"
    headers = {"content-type": MEDIA_TYPES[file_format], "content-disposition": f'attachment; filename="{name}"'}
    return Content(headers, [file_content(report, file_format, separator)])
