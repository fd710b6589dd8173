"""The hourly volume report of a line or zone: hours × classes × directions, totals, peak hour, coverage.

`hourly_report` computes the figures; `api.reports.workbook` and `api.reports.pdf` write them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from aforo.errors import QueryError
from aforo.local_time import HOUR_US, buckets, clock_span, local_time, offset_where_told
from aforo.model import PlaceKind
from aforo.ports import CountReader
from aforo.site import Site
from aforo.traffic_measures import Measured, PeakHour, peak_clock_hour, peak_hour, total
from aforo.words.catalogue import Words, words_of
from api.place_series import CountedPlace, Series, read_series

MAXIMUM_HOURS = 24 * 366
"""A year."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of counts: of one direction and class, or of all where None."""

    direction: str | None
    road_user: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One hour, or the sum of several.

    Attributes:
        label: the hour as printed, such as "07:00–08:00".
        day: the local day that it belongs to.
        figures: one per column of the report, the total last.
    """

    label: str
    day: date
    figures: tuple[Measured, ...]

    @property
    def total(self) -> Measured:
        """All road users in all directions."""
        return self.figures[-1]


@dataclass(frozen=True)
class Report:
    """The figures of one report, with the names, dates and notes that are printed with them.

    Attributes:
        columns: classes by direction, a subtotal after several of them, the total of all last.
        hours: one row per local hour, in order.
        peak: the peak hour; None without road users, or where too little was observed.
        peak_clock_hour: the clock hour with the highest volume.
    """

    site_id: str
    site_name: str
    timezone: str
    place: CountedPlace
    words: Words
    start: datetime
    end: datetime
    columns: tuple[Column, ...]
    hours: tuple[Row, ...]
    peak: PeakHour | None
    peak_clock_hour: Measured | None

    @cached_property
    def days(self) -> tuple[Row, ...]:
        """The sums of each local day."""
        grouped = itertools.groupby(self.hours, key=lambda hour: hour.day)
        return tuple(_sum(self.words.day(day), day, list(hours)) for day, hours in grouped)

    @cached_property
    def total(self) -> Row:
        """The sums of the whole period."""
        return _sum(self.words.report.total, self.hours[0].day, self.hours)

    @property
    def place_name(self) -> str:
        """The name of the line or zone, its id where it has none."""
        return self.place.name or self.place.id

    @property
    def period(self) -> str:
        """The period in local time."""
        start, end = (
            f"{self.words.day(moment)} {moment:%H:%M}{offset_where_told(moment)}" for moment in (self.start, self.end)
        )
        return f"{start} – {end}"

    @property
    def file_name(self) -> str:
        """A name for the file, without its ending."""
        start, end = (
            f"{moment:%Y%m%dT%H%M}{f'{moment:%z}' if offset_where_told(moment) else ''}"
            for moment in (self.start, self.end)
        )
        return f"{self.site_id}_{self.place.id}_{start}_{end}"

    def summary(self) -> list[tuple[str, str | int | float]]:
        """Site, period, total, coverage and peak hour, as pairs of name and value; numbers are not formatted."""
        words, period = self.words, self.total.total
        shown: list[tuple[str, str | int | float]] = [
            (words.report.site, self.site_name or self.site_id),
            (words.report.line if self.place.kind is PlaceKind.LINE else words.report.zone, self.place_name),
            (words.report.camera, self.place.camera),
            (words.report.period, self.period),
            (words.report.timezone, self.timezone),
            (
                words.report.total if period.complete else f"{words.report.total} ({words.report.of_incomplete})",
                words.report.unobserved if period.count is None else period.count,
            ),
            (words.report.coverage, words.percent(period.coverage)),
        ]
        if self.peak is None:
            return [*shown, (words.report.peak_hour, words.report.none)]
        mark = "" if self.peak.complete else f" ({words.report.of_incomplete})"
        shown += [
            (words.report.peak_hour, f"{self.span(self.peak.start_us, self.peak.end_us)}{mark}"),
            (f"{words.report.peak_hour}: {words.report.volume}", self.peak.volume),
            (words.report.factor, round(self.peak.factor, 3)),
            (words.report.peak_flow_rate, round(self.peak.peak_flow_rate)),
        ]
        if self.peak_clock_hour is not None:
            hour = self.peak_clock_hour
            count = words.number(hour.count or 0)
            shown.append((words.report.peak_clock_hour, f"{self.span(hour.start_us, hour.end_us)}: {count}"))
        return shown

    def notes(self) -> list[str]:
        """Incomplete observation, provisional counts, and how the peak hour is defined."""
        words, notes = self.words, []
        totals = [hour.total for hour in self.hours]
        if not self.total.total.complete:
            unobserved = sum(hour.count is None for hour in totals)
            partial = sum(not hour.complete for hour in totals) - unobserved
            notes.append(words.report.note_incomplete.format(hours=len(totals), unobserved=unobserved, partial=partial))
        if self.total.total.provisional:
            notes.append(words.report.note_provisional.format(provisional=words.number(self.total.total.provisional)))
        return [*notes, words.report.note_factor]

    def direction_heading(self, column: Column) -> str:
        """The name of a column's direction, "" for all directions."""
        return "" if column.direction is None else self.words.direction(column.direction).heading

    def road_user_heading(self, column: Column) -> str:
        """The name of a column's class, "" for all classes."""
        return "" if column.road_user is None else self.words.road_user(column.road_user).heading

    def observation(self, figures: Measured) -> str:
        """Whether an interval was observed: complete, incomplete or not observed, in words."""
        if figures.count is None:
            return self.words.report.unobserved
        return self.words.report.complete if figures.complete else self.words.report.incomplete

    def span(self, start_us: int, end_us: int) -> str:
        """An interval of some minutes in local time, with the day where the report has several."""
        zone = self.start.tzinfo
        if zone is None:  # pragma: no cover -- hourly_report gives times with a zone
            raise ValueError("the report's times have no time zone")
        day = f"{self.words.day(local_time(start_us, zone))} " if len(self.days) > 1 else ""
        return day + clock_span(start_us, end_us, zone)


def hourly_report(
    site: Site, reader: CountReader, place: CountedPlace, start_us: int, end_us: int, lang: str = "en"
) -> Report:
    """The report of a line or zone over the local hours that overlap a range.

    Args:
        site: for its names and time zone.
        reader: questions to the store.
        place: a line or zone; see `api.place_series.find_place`.
        start_us: inclusive.
        end_us: exclusive.
        lang: "en" or "es".

    Raises:
        QueryError: the range is empty or longer than a year, or there is no such language.
        StoreError: the database cannot be read.
    """
    words, zone = words_of(lang), site.timezone
    spans = buckets(start_us, end_us, "1h", zone) if (end_us - start_us) // HOUR_US <= MAXIMUM_HOURS else []
    if not spans:
        raise QueryError("from: expected a range of at least an hour and at most a year, until `to`")
    start_us, end_us = spans[0].start_us, spans[-1].end_us
    (hours,) = read_series(reader, [place], spans, "1h")
    (quarters,) = read_series(reader, [place], buckets(start_us, end_us, "15m", zone), "15m")
    columns = _columns(hours)
    figures = zip(*(hours.measured(column.direction, column.road_user) for column in columns), strict=True)
    rows = tuple(
        Row(clock_span(*span, zone), local_time(span.start_us, zone).date(), of_hour)
        for span, of_hour in zip(spans, figures, strict=True)
    )
    return Report(
        site_id=site.id,
        site_name=site.name,
        timezone=site.timezone.key,
        place=place,
        words=words,
        start=local_time(start_us, zone),
        end=local_time(end_us, zone),
        columns=columns,
        hours=rows,
        peak=peak_hour(quarters.measured()),
        peak_clock_hour=peak_clock_hour([row.total for row in rows]),
    )


def _columns(series: Series) -> tuple[Column, ...]:
    columns: list[Column] = []
    for direction in series.directions:
        columns += [Column(direction, road_user) for road_user in series.road_users]
        if len(series.directions) > 1 and len(series.road_users) != 1:
            columns.append(Column(direction, None))
    return (*columns, Column(None, None))


def _sum(label: str, day: date, rows: Sequence[Row]) -> Row:
    sums = (total(row.figures[column] for row in rows) for column in range(len(rows[0].figures)))
    return Row(label, day, tuple(figures for figures in sums if figures is not None))
