"""The bars of a printed report: volume per hour, or per day where there are more than a week."""

from __future__ import annotations

from typing import Any

from api.reports.hourly import Report, Row

HEIGHT_MM = 26
AXIS_MM = 14
LABELS = 24

BLUE = (62, 110, 165)
AMBER = (226, 170, 50)
DIM = (231, 230, 230)
RULE = (200, 200, 200)

_A_WEEK_OF_HOURS = 7 * 25


def draw_bars(page: Any, report: Report) -> None:
    """Draw the volumes below what is on the page.

    Args:
        page: an `fpdf.FPDF` with its font set.
        report: amber bars are incomplete, grey columns were not observed.
    """
    rows = report.hours if len(report.hours) <= _A_WEEK_OF_HOURS else report.days
    highest = max((row.total.count or 0 for row in rows), default=0)
    top_mm = page.get_y()
    floor_mm = top_mm + HEIGHT_MM
    left_mm, width_mm = page.l_margin + AXIS_MM, page.epw - AXIS_MM
    step_mm = width_mm / len(rows)
    page.set_font(size=6, style="")
    page.set_text_color(90)
    page.set_draw_color(RULE)
    page.set_line_width(0.1)
    for share in (0.0, 0.5, 1.0):
        y_mm = floor_mm - share * HEIGHT_MM
        page.line(left_mm, y_mm, left_mm + width_mm, y_mm)
        if highest and (share * highest).is_integer():
            page.set_xy(page.l_margin, y_mm - 1.5)
            page.cell(AXIS_MM - 1, 3, report.words.number(int(share * highest)), align="R")
    for position, row in enumerate(rows):
        x_mm = left_mm + position * step_mm
        if row.total.count is None:
            page.set_fill_color(DIM)
            page.rect(x_mm, top_mm, step_mm, HEIGHT_MM, style="F")
        elif row.total.count:
            page.set_fill_color(BLUE if row.total.complete else AMBER)
            height_mm = HEIGHT_MM * row.total.count / highest
            page.rect(x_mm + 0.12 * step_mm, floor_mm - height_mm, 0.76 * step_mm, height_mm, style="F")
    _label(page, report, rows, left_mm, step_mm, floor_mm)
    page.set_y(floor_mm + 5)


def _label(page: Any, report: Report, rows: tuple[Row, ...], left_mm: float, step_mm: float, floor_mm: float) -> None:
    """The hours under the bars or, where there are several days, the beginning of each."""
    if len(report.days) == 1:
        marks = [(position, row.label[:5]) for position, row in enumerate(rows)]
    else:
        firsts = [position for position, row in enumerate(rows) if position == 0 or row.day != rows[position - 1].day]
        marks = [(position, report.words.day(rows[position].day)) for position in firsts]
    thinned = marks[:: -(-len(marks) // LABELS)] if len(report.days) <= LABELS else marks[::2]
    for position, text in thinned:
        page.set_xy(left_mm + position * step_mm - 0.5, floor_mm + 0.5)
        page.cell(20, 3, text)
