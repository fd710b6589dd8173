"""Reports as CSV, for programs and spreadsheets, and as XLSX, for people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from api.csv_text import Cell, Separator, to_csv_bytes
from api.reports.hourly import Report, Row

_NAVY = "1F3A5F"
_HEADING = PatternFill("solid", fgColor=_NAVY)
_SUBHEADING = PatternFill("solid", fgColor="DCE6F1")
_INCOMPLETE = PatternFill("solid", fgColor="FFF2CC")
_UNOBSERVED = PatternFill("solid", fgColor="E7E6E6")
_HAIR = Border(bottom=Side(style="hair", color="999999"))
_RULE = Border(top=Side(style="thin", color=_NAVY))
_LEADING = 2
_FIRST_LINE = 3
_CHART_LINE = 17
_FORBIDDEN_IN_SHEETS = {code: None for code in range(32) if code not in (9, 10, 13)}


def to_csv(report: Report, separator: Separator = "comma") -> bytes:
    """The report as CSV: one row per hour, then the sums; plain numbers, unknown counts empty.

    UTF-8 with a byte order mark, without which Excel shows accents wrongly.
    """
    words = report.words
    heads = [" ".join(filter(None, parts)) or words.report.total for parts in _heads_of_columns(report)]
    rows: list[Sequence[Cell]] = [
        [words.report.date, words.report.hour, *heads, words.report.coverage, words.report.observation],
        *(_csv_row(report, hour, hour.day.isoformat()) for hour in report.hours),
        _csv_row(report, report.total, ""),
    ]
    rows += [[], *([name, value] for name, value in report.summary()), *([note] for note in report.notes())]
    return to_csv_bytes(rows, for_people=True, separator=separator)


def _csv_row(report: Report, row: Row, day: str) -> list[Cell]:
    counts = [figures.count for figures in row.figures]
    return [day, row.label, *counts, round(row.total.coverage, 4), report.observation(row.total)]


def _heads_of_columns(report: Report) -> list[tuple[str, str]]:
    """The headings of each column: its direction and its class, "" for all."""
    return [(report.direction_heading(column), report.road_user_heading(column)) for column in report.columns]


def to_xlsx(report: Report) -> bytes:
    """The report as an Excel workbook: a summary, the hours and, of several, the days; numbers are numbers."""
    book = Workbook()
    summary = book.active
    hours = book.create_sheet(report.words.report.hours_sheet)
    _write_table(hours, report, report.hours, has_hours=True)
    charted, rows = hours, report.hours
    if len(report.days) > 1:
        charted, rows = book.create_sheet(report.words.report.days_sheet), report.days
        _write_table(charted, report, rows, has_hours=False)
    _write_summary(summary, report)
    _add_chart(summary, report, charted, rows)
    book.properties.title = f"{report.words.report.title}: {report.place_name}".translate(_FORBIDDEN_IN_SHEETS)
    book.properties.creator = "Aforo"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _write_summary(sheet: Worksheet, report: Report) -> None:
    words = report.words
    sheet.title = words.report.summary_sheet
    _put(sheet, 1, 1, f"{words.report.title}: {report.place_name}").font = Font(bold=True, size=16, color=_NAVY)
    for line, (name, value) in enumerate(report.summary(), start=3):
        _put(sheet, line, 1, name).font = Font(color="555555")
        cell = _put(sheet, line, 2, value)
        cell.font = Font(bold=True)
        cell.alignment = Alignment(horizontal="left")
        if isinstance(value, int):
            cell.number_format = "#,##0"
    for line, note in enumerate(report.notes(), start=_CHART_LINE + 20):
        cell = _put(sheet, line, 1, note)
        cell.font = Font(italic=True, color="555555")
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.merge_cells(start_row=line, end_row=line, start_column=1, end_column=2)
        sheet.row_dimensions[line].height = 48
    sheet.column_dimensions["A"].width = 40
    sheet.column_dimensions["B"].width = 80
    _prepare_page(sheet)


def _add_chart(sheet: Worksheet, report: Report, charted: Worksheet, rows: Sequence[Row]) -> None:
    chart = BarChart()
    column = len(report.columns) + _LEADING
    last = _FIRST_LINE + len(rows) - 1
    chart.add_data(Reference(charted, min_col=column, min_row=_FIRST_LINE, max_row=last))
    label = 1 if rows is report.days else 2
    chart.set_categories(Reference(charted, min_col=label, min_row=_FIRST_LINE, max_row=last))
    chart.title = None
    chart.legend = None
    chart.gapWidth = 40
    chart.y_axis.title = report.words.report.volume
    # Without these two, newer versions of Excel hide the axes.
    chart.x_axis.delete = False
    chart.y_axis.delete = False
    chart.series[0].graphicalProperties.solidFill = "3E6EA5"
    chart.width, chart.height = 24, 9
    sheet.add_chart(chart, f"A{_CHART_LINE}")


def _write_table(sheet: Worksheet, report: Report, rows: Sequence[Row], *, has_hours: bool) -> None:
    columns = _heads(sheet, report, has_hours=has_hours)
    for position, row in enumerate(rows, start=_FIRST_LINE):
        _write_row(sheet, report, position, row, has_hours=has_hours)
    _write_row(sheet, report, _FIRST_LINE + len(rows), report.total, has_hours=True, is_sum=True)
    sheet.freeze_panes = sheet.cell(_FIRST_LINE, _LEADING + 1)
    for column in range(1, columns + 1):
        sheet.column_dimensions[get_column_letter(column)].width = 14 if column < columns else 18
    sheet.row_dimensions[_FIRST_LINE - 1].height = 30
    sheet.column_dimensions["B"].width = 22 if has_hours else 10
    sheet.print_title_rows = f"1:{_FIRST_LINE - 1}"
    _prepare_page(sheet)


def _heads(sheet: Worksheet, report: Report, *, has_hours: bool) -> int:
    """The two lines of headings: directions over classes. Returns the number of columns."""
    words = report.words
    tops: list[str] = ["", ""]
    heads = [words.report.date, words.report.hour if has_hours else ""]
    for direction, road_user in _heads_of_columns(report):
        tops.append(direction)
        heads.append(road_user or words.report.total)
    tops += ["", ""]
    heads += [words.report.coverage, words.report.observation]
    line, column = 1, 1
    for top, group in groupby(tops):
        width = len(list(group))
        if top:
            _put(sheet, line, column, top)
            sheet.merge_cells(start_row=line, end_row=line, start_column=column, end_column=column + width - 1)
        column += width
    for column, head in enumerate(heads, start=1):
        if head:
            _put(sheet, line + 1, column, head)
        for row, fill, colour in ((line, _HEADING, "FFFFFF"), (line + 1, _SUBHEADING, _NAVY)):
            cell = sheet.cell(row, column)
            cell.fill = fill
            cell.font = Font(bold=True, color=colour)
            cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    return len(heads)


def _write_row(sheet: Worksheet, report: Report, line: int, row: Row, has_hours: bool, *, is_sum: bool = False) -> None:
    if not is_sum:
        sheet.cell(line, 1, row.day).number_format = "yyyy-mm-dd"
    if is_sum or has_hours:
        _put(sheet, line, 1 if is_sum else 2, row.label)
    for column, figures in enumerate(row.figures, start=_LEADING + 1):
        cell = sheet.cell(line, column, figures.count)
        cell.number_format = "#,##0"
        if column == len(row.figures) + _LEADING:
            cell.font = Font(bold=True)
    after = len(row.figures) + _LEADING + 1
    sheet.cell(line, after, round(row.total.coverage, 4)).number_format = "0.0%"
    _put(sheet, line, after + 1, report.observation(row.total)).alignment = Alignment(horizontal="center")
    for column in range(1, after + 2):
        cell = sheet.cell(line, column)
        cell.border = _RULE if is_sum else _HAIR
        if is_sum:
            cell.font = Font(bold=True)
        if not row.total.complete:
            cell.fill = _UNOBSERVED if row.total.count is None else _INCOMPLETE


def _put(sheet: Worksheet, row: int, column: int, value: str | int | float) -> SheetCell:
    """Write a value; text stays text, also where it looks like a formula."""
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = value.translate(_FORBIDDEN_IN_SHEETS)
        cell.data_type = "s"
        cell.quotePrefix = value.startswith(("=", "+", "-", "@"))
    else:
        cell.value = value
    return cell


def _prepare_page(sheet: Worksheet) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
