"""Reports as PDF: a landscape A4 page to print, with the hours as bars and as a table."""

from __future__ import annotations

from pathlib import Path

from fpdf import FPDF, FontFace
from fpdf.enums import TableCellFillMode, XPos, YPos

from aforo.errors import QueryError
from aforo.traffic_measures import Measured
from api.reports.hourly import Report, Row
from api.reports.pdf_bars import draw_bars

MAXIMUM_PDF_HOURS = 24 * 31 + 1
"""A month; a year of hours is for CSV or XLSX."""

NAVY = (31, 58, 95)
GREY = (90, 90, 90)
AMBER = (255, 242, 204)
DIM = (231, 230, 230)
WHITE = (255, 255, 255)
MARGIN_MM = 12

_FONT = "DejaVu"
_FONTS = Path(__file__).with_name("fonts")
"""DejaVu Sans: all of Latin, Greek and Cyrillic; its licence is beside it."""

TABLE_PT, HEADINGS_PT = 6, 4.8


def to_pdf(report: Report) -> bytes:
    """The report as PDF.

    Raises:
        QueryError: it is longer than a month.
    """
    if len(report.hours) > MAXIMUM_PDF_HOURS:
        raise QueryError(
            f"from: expected at most a month for a PDF, got {len(report.hours)} hours; take csv or xlsx, or a "
            "shorter range"
        )
    page = _Page(report)
    page.add_page()
    _write_heading(page, report)
    draw_bars(page, report)
    _write_table(page, report)
    _write_notes(page, report)
    return bytes(page.output())


class _Page(FPDF):  # type: ignore[misc]
    """Landscape A4 with a footer."""

    def __init__(self, report: Report) -> None:
        super().__init__(orientation="landscape", format="A4")
        self._report = report
        self.add_font(_FONT, "", _FONTS / "DejaVuSans.ttf")
        self.add_font(_FONT, "B", _FONTS / "DejaVuSans-Bold.ttf")
        self.set_margin(MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 2)
        self.set_title(f"{report.words.report.title}: {report.place_name}")
        self.set_creator("Aforo")
        self.set_lang(report.words.language)

    def footer(self) -> None:
        """Site, place and period, and the page's number."""
        self.set_y(-MARGIN_MM)
        self.set_font(_FONT, size=7)
        self.set_text_color(GREY)
        report = self._report
        left = f"{report.site_name or report.site_id} · {report.place_name} · {report.period}"
        self.cell(self.epw * 0.85, 5, left)
        self.cell(0, 5, f"{report.words.report.page} {self.page_no()}/{{nb}}", align="R")


def _write_heading(page: _Page, report: Report) -> None:
    page.set_font(_FONT, "B", 16)
    page.set_text_color(NAVY)
    page.multi_cell(0, 8, f"{report.words.report.title}: {report.place_name}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(2)
    pairs = [(name, _shown(report, value)) for name, value in report.summary()]
    half = -(-len(pairs) // 2)
    top_mm, bottom_mm = page.get_y(), page.get_y()
    for left_mm, label_mm, part in ((page.l_margin, 48, pairs[:half]), (page.w / 2, 60, pairs[half:])):
        page.set_y(top_mm)
        for name, value in part:
            page.set_x(left_mm)
            page.set_font(_FONT, "", 8)
            page.set_text_color(GREY)
            page.cell(label_mm, 4.4, name)
            page.set_font(_FONT, "B", 8)
            page.set_text_color(0)
            page.multi_cell(page.epw / 2 - label_mm, 4.4, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        bottom_mm = max(bottom_mm, page.get_y())
    page.set_y(bottom_mm + 3)


def _shown(report: Report, value: str | int | float) -> str:
    match value:
        case int():
            return report.words.number(value)
        case float():
            return report.words.decimal(value, 2)
        case _:
            return value


def _write_table(page: _Page, report: Report) -> None:
    words = report.words
    several_days = len(report.days) > 1
    leading = [words.report.date, words.report.hour] if several_days else [words.report.hour]
    page.set_font(_FONT, "", TABLE_PT)
    page.c_margin = 0.6
    page.set_text_color(0)
    page.set_draw_color(190)
    page.set_line_width(0.1)
    widths = [(29 if several_days else 0), 23, *[19] * len(report.columns), 18]
    with page.table(
        col_widths=tuple(width for width in widths if width),
        text_align=("LEFT",) * len(leading) + ("RIGHT",) * (len(report.columns) + 1),
        headings_style=FontFace(emphasis="BOLD", color=255, fill_color=NAVY, size_pt=HEADINGS_PT),
        borders_layout="HORIZONTAL_LINES",
        cell_fill_mode=TableCellFillMode.NONE,
        line_height=page.font_size * 1.6,
        num_heading_rows=2,
    ) as table:
        tops = table.row()
        for head in leading:
            tops.cell(head, rowspan=2)
        position = 0
        while position < len(report.columns):
            direction = report.columns[position].direction
            width = sum(column.direction == direction for column in report.columns)
            tops.cell(report.direction_heading(report.columns[position]), colspan=width, align="CENTER")
            position += width
        tops.cell(words.report.coverage, rowspan=2)
        heads = table.row()
        for column in report.columns:
            heads.cell(report.road_user_heading(column) or words.report.total)
        for row in report.hours:
            _write_row(table, report, row, [words.day(row.day), row.label] if several_days else [row.label])
        if several_days:
            for row in report.days:
                _write_row(table, report, row, [words.day(row.day), words.report.day_total], bold=True)
        label = words.report.total
        _write_row(table, report, report.total, [label, ""] if several_days else [label], bold=True)


def _write_row(table: object, report: Report, row: Row, leading: list[str], *, bold: bool = False) -> None:
    fill = WHITE if row.total.complete else DIM if row.total.count is None else AMBER
    emphasis = "BOLD" if bold else None
    written = table.row(style=FontFace(emphasis=emphasis, fill_color=fill))  # type: ignore[attr-defined]
    for text in leading:
        written.cell(text)
    for figures in row.figures[:-1]:
        written.cell(_count(report, figures))
    written.cell(_count(report, row.total), style=FontFace(emphasis="BOLD", fill_color=fill))
    written.cell(report.words.percent(row.total.coverage))


def _count(report: Report, figures: Measured) -> str:
    if figures.count is None:
        return "–"
    return report.words.number(figures.count) + ("" if figures.complete else " *")


def _write_notes(page: _Page, report: Report) -> None:
    page.ln(2)
    page.set_font(_FONT, "", 7)
    page.set_text_color(GREY)
    notes = report.notes()
    if not report.total.total.complete:
        notes.insert(0, report.words.report.note_marks)
    for note in notes:
        page.multi_cell(0, 4, note, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
