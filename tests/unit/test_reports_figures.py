"""The figures of the hourly report, and how each format writes them."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from aforo.config.site import SiteConfiguration
from aforo.errors import QueryError
from aforo.local_time import HOUR_US, INTERVALS, buckets, clock_span, local_time, to_us
from aforo.model import CoverageShare
from aforo.site import Site
from aforo.volume_series import Volumes
from api.csv_text import SEPARATORS, Cell, Separator, to_csv_bytes
from api.place_series import find_place
from api.reports.hourly import Report, hourly_report
from api.reports.pdf import to_pdf
from api.reports.workbook import to_csv, to_xlsx

FORMULA = '=HYPERLINK("http://evil.example")'


def site(timezone: str = "America/Bogota", name: str = "Acceso norte – «Ñuñoa»") -> Site:
    return SiteConfiguration.model_validate(
        {
            "site": {"id": "cll26", "name": "Calle 26 × Carrera 50", "timezone": timezone},
            "cameras": [
                {
                    "id": "north",
                    "source": "x.mp4",
                    "lines": [
                        {"id": "stop", "name": name, "points": [[0.1, 0.5], [0.9, 0.5]], "directions": ["in", "-out"]}
                    ],
                    "zones": [{"id": "plaza", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
                }
            ],
        }
    ).domain()


class QuarterCounts:
    """A reader over counts per quarter-hour, all whole observed unless said otherwise."""

    def __init__(
        self,
        counted: dict[tuple[int, str, str], int],
        observed_share: dict[int, float],
        timezone: str = "America/Bogota",
    ) -> None:
        self._counted = counted
        self._observed_share = observed_share
        self._zone = site(timezone).timezone

    def volumes(self, kind: str, places: Sequence[str], start_us: int, end_us: int, interval: str) -> Volumes:
        found: dict[tuple[int, str, str], int] = {}
        for (at_us, direction, road_user), count in self._counted.items():
            for bucket in buckets(at_us, at_us + 1, interval, self._zone):
                key = (bucket.start_us, direction, road_user)
                found[key] = found.get(key, 0) + count
        return Volumes.of(
            (at_us, kind, places[0], direction, road_user, count, 0)
            for (at_us, direction, road_user), count in sorted(found.items())
        )

    def coverage(self, cameras: Sequence[str], start_us: int, end_us: int, interval: str) -> list[CoverageShare]:
        found = []
        for bucket in buckets(start_us, end_us, interval, self._zone):
            share = self._observed_share.get(bucket.start_us - bucket.start_us % HOUR_US, 1.0)
            observed_us = round(share * (bucket.end_us - bucket.start_us))
            found.append(CoverageShare(bucket.start_us, cameras[0], observed_us, 1, 0))
        return found


DAY_US = to_us(datetime.fromisoformat("2025-05-06T00:00:00-05:00"))
SEVEN_US = DAY_US + 7 * HOUR_US
QUARTER_US = INTERVALS["15m"]


def morning() -> dict[tuple[int, str, str], int]:
    counted = {(SEVEN_US + k * QUARTER_US, "in", "car"): n for k, n in enumerate((10, 20, 30, 40, 50))}
    counted[SEVEN_US, "-out", "cyclist"] = 7
    return counted


def report(
    lang: str = "en", *, shares: dict[int, float] | None = None, name: str = "Acceso norte – «Ñuñoa»", days: int = 1
) -> Report:
    made = site(name=name)
    reader = QuarterCounts(morning(), shares or {})
    return hourly_report(made, reader, find_place(made, "line", "stop"), DAY_US, DAY_US + days * 24 * HOUR_US, lang)  # type: ignore[arg-type]


GAPS = {DAY_US + 3 * HOUR_US: 0.0, DAY_US + 7 * HOUR_US: 0.5}


def sheet_rows(content: bytes, sheet: str) -> list[list[object]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content))[sheet].iter_rows()]


def csv_rows(content: bytes, separator: Separator = "comma") -> list[list[str]]:
    marks = {"comma": ",", "semicolon": ";"}
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=marks[separator]))


def test_hours_classes_directions_and_totals() -> None:
    made = report()
    assert [(column.direction, column.road_user) for column in made.columns] == [
        ("in", "cyclist"),
        ("in", "car"),
        ("in", None),
        ("-out", "cyclist"),
        ("-out", "car"),
        ("-out", None),
        (None, None),
    ]
    assert len(made.hours) == 24
    seven = made.hours[7]
    assert seven.label == "07:00–08:00"
    assert [figures.count for figures in seven.figures] == [0, 100, 100, 7, 0, 7, 107]
    assert [figures.count for figures in made.total.figures] == [0, 150, 150, 7, 0, 7, 157]
    assert made.total.total.complete


def test_peak_hour_and_factor_come_from_quarter_hours() -> None:
    made = report()
    assert made.peak is not None
    assert made.peak.start_us == SEVEN_US + QUARTER_US
    assert made.peak.volume == 140
    assert made.peak.factor == pytest.approx(140 / 200)
    assert made.peak_clock_hour is not None
    assert made.peak_clock_hour.start_us == SEVEN_US
    assert ("Peak hour", "07:15–08:15") in made.summary()


def test_hours_that_nobody_observed_are_unknown_and_sums_say_so() -> None:
    made = report(shares=GAPS)
    assert {figures.count for figures in made.hours[3].figures} == {None}
    assert made.observation(made.hours[3].total) == "not observed"
    assert made.observation(made.hours[7].total) == "incomplete"
    assert made.observation(made.hours[8].total) == "complete"
    assert not made.total.total.complete
    assert ("Total (incomplete observation)", 157) in made.summary()
    assert "not observed: 1, observed in part: 1, of 24" in made.notes()[0]
    assert made.peak is not None
    assert not made.peak.complete


def test_a_day_without_any_observation_has_no_total() -> None:
    made = report(shares={DAY_US + k * HOUR_US: 0.0 for k in range(24) if k not in (7, 8)})
    assert made.total.total.count == 157
    nothing = hourly_report(
        site(),
        QuarterCounts({}, {DAY_US + k * HOUR_US: 0.0 for k in range(24)}),  # type: ignore[arg-type]
        find_place(site(), "zone", "plaza"),
        DAY_US,
        DAY_US + 24 * HOUR_US,
    )
    assert nothing.total.total.count is None
    assert ("Total (incomplete observation)", "not observed") in nothing.summary()
    assert ("Peak hour", "none") in nothing.summary()
    assert to_pdf(nothing).startswith(b"%PDF")
    assert csv_rows(to_csv(nothing))[1] == ["2025-05-06", "00:00–01:00", "", "0.0", "not observed"]


def test_several_days_have_sums_of_their_own() -> None:
    made = report(days=3)
    assert [day.total.count for day in made.days] == [157, 0, 0]
    assert [day.label for day in made.days] == ["Tue 2025-05-06", "Wed 2025-05-07", "Thu 2025-05-08"]
    assert ("Peak hour", "Tue 2025-05-06 07:15–08:15") in made.summary()
    assert len(sheet_rows(to_xlsx(made), "Days")) == 2 + 3 + 1


@pytest.mark.parametrize(
    ("timezone", "day", "labels"),
    [
        ("America/New_York", "2025-03-09", ["01:00–02:00 (-0500)", "03:00–04:00 (-0400)"]),
        ("America/New_York", "2025-11-02", ["01:00–02:00 (-0400)", "01:00–02:00 (-0500)"]),
        ("Europe/Madrid", "2025-10-26", ["01:00–02:00 (+0200)", "02:00–03:00 (+0200)", "02:00–03:00 (+0100)"]),
        ("Australia/Lord_Howe", "2025-04-06", ["01:00–02:00 (+1100)", "01:30–02:00 (+1030)", "02:00–03:00 (+1030)"]),
        ("America/Santiago", "2025-09-07", ["02:00–03:00 (-0300)", "03:00–04:00 (-0300)"]),
        ("America/Santiago", "2025-04-05", ["01:00–02:00 (-0300)", "02:00–03:00 (-0300)"]),
        ("Europe/Madrid", "2025-10-25", ["01:00–02:00", "02:00–03:00"]),
    ],
)
def test_hours_of_a_day_when_the_clocks_change_cannot_be_taken_for_each_other(
    timezone: str, day: str, labels: list[str]
) -> None:
    found = on_day(timezone, day, hours=20)
    assert [hour.label for hour in found.hours[1 : 1 + len(labels)]] == labels
    assert len({hour.label for hour in found.hours}) == len(found.hours)
    for rows in (csv_rows(to_csv(found)), sheet_rows(to_xlsx(found), "Hours")):
        assert set(labels) <= {str(row[1]) for row in rows if len(row) > 1}


def on_day(timezone: str, day: str, hours: int, first: int = 0) -> Report:
    """The report of some hours of a day, counted from its midnight, without any counts."""
    made = site(timezone)
    start_us = to_us(datetime.fromisoformat(day).replace(tzinfo=made.timezone)) + first * HOUR_US
    reader = QuarterCounts({}, {}, timezone)
    return hourly_report(made, reader, find_place(made, "line", "stop"), start_us, start_us + hours * HOUR_US)  # type: ignore[arg-type]


def test_either_of_the_two_hours_alone_says_which_it_is() -> None:
    """In its label, its period and the name of its file."""
    first, second = (on_day("Europe/Madrid", "2025-10-26", hours=1, first=hour) for hour in (2, 3))
    assert (first.hours[0].label, second.hours[0].label) == ("02:00–03:00 (+0200)", "02:00–03:00 (+0100)")
    assert first.period == "Sun 2025-10-26 02:00 (+0200) – Sun 2025-10-26 02:00 (+0100)"
    assert first.file_name != second.file_name
    assert second.span(second.hours[0].total.start_us, second.hours[0].total.end_us) == "02:00–03:00 (+0100)"


@pytest.mark.parametrize("timezone", ["Europe/Madrid", "America/Havana", "Africa/Casablanca", "Asia/Beirut", "UTC"])
@pytest.mark.parametrize("year", [2019, 2025])
def test_the_hours_of_no_day_of_a_year_have_the_same_label(timezone: str, year: int) -> None:
    zone = ZoneInfo(timezone)
    start_us, end_us = (to_us(datetime(y, 1, 1, tzinfo=zone)) for y in (year, year + 1))
    spans = buckets(start_us, end_us, "1h", zone)
    labels = [(local_time(span.start_us, zone).date(), clock_span(*span, zone)) for span in spans]
    assert len(set(labels)) == len(labels)
    for _, label in labels:
        begins, ends = (int(part[:2]) * 60 + int(part[3:5]) for part in label.split("–"))
        assert 0 < (ends - begins) % (24 * 60) <= 60


@pytest.mark.parametrize(("start_us", "end_us"), [(DAY_US, DAY_US), (DAY_US, DAY_US - 1), (0, DAY_US)])
def test_an_empty_or_endless_range_is_refused(start_us: int, end_us: int) -> None:
    with pytest.raises(QueryError, match="at least an hour and at most a year"):
        hourly_report(site(), QuarterCounts({}, {}), find_place(site(), "line", "stop"), start_us, end_us)  # type: ignore[arg-type]


def test_another_language_is_refused() -> None:
    with pytest.raises(QueryError, match="expected en or es, got 'fr'"):
        report("fr")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_csv_and_xlsx_have_the_figures_of_the_report(lang: str) -> None:
    made = report(lang, shares=GAPS)
    from_csv = csv_rows(to_csv(made))
    from_xlsx = sheet_rows(to_xlsx(made), made.words.report.hours_sheet)
    for position, hour in enumerate([*made.hours, made.total]):
        counts = [figures.count for figures in hour.figures]
        assert from_csv[1 + position][2:-2] == ["" if count is None else str(count) for count in counts]
        assert from_xlsx[2 + position][2:-2] == counts
        assert from_csv[1 + position][-1] == from_xlsx[2 + position][-1] == made.observation(hour.total)
    assert from_xlsx[2][0] == datetime.fromisoformat("2025-05-06")
    assert from_csv[0][2] == {"en": "in Cyclists", "es": "in Ciclistas"}[lang]


def test_csv_opens_in_excel_with_its_accents_and_has_plain_numbers() -> None:
    content = to_csv(report("es"))
    assert content.startswith(b"\xef\xbb\xbf")
    rows = csv_rows(content)
    assert ["Sitio", "Calle 26 × Carrera 50"] in rows
    assert ["Factor de hora pico", "0.7"] in rows


def test_numbers_are_numbers_in_xlsx() -> None:
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(report(shares=GAPS))))
    hours: Worksheet = book["Hours"]
    kinds = {cell.data_type for row in hours.iter_rows(min_row=3, min_col=3, max_col=10) for cell in row}
    assert kinds == {"n"}
    assert hours.cell(3, 10).number_format == "0.0%"
    assert hours.freeze_panes == "C3"


def test_names_never_become_formulas() -> None:
    made = report(name=FORMULA)
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(made)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"n", "s", "d"}
    (shown,) = [cell for cell in cells if cell.value == FORMULA]
    assert shown.quotePrefix
    written = csv_rows(to_csv(made))
    assert not [cell for row in written for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "'-out Cyclists" in written[0]


def test_a_csv_with_semicolons_has_decimal_commas() -> None:
    made = report("es", shares=GAPS)
    point, comma = (list(csv_rows(to_csv(made, separator), separator)) for separator in SEPARATORS)
    assert [[cell.replace(".", ",") for cell in row[2:-1]] for row in point[1:25]] == [row[2:-1] for row in comma[1:25]]
    assert ["Factor de hora pico", "0,7"] in comma
    assert {len(row) for row in comma[:26]} == {len(point[0])}
    assert any("," in row[-2] for row in comma[1:25])


@given(
    rows=st.lists(st.lists(st.text(alphabet='a=+-@;,|\t\r\n"＝ 0', max_size=8), min_size=1, max_size=4), max_size=4),
    written=st.sampled_from(["comma", "semicolon"]),
    opened=st.sampled_from([",", ";", "\t", "|"]),
)
def test_no_cell_is_a_formula_whichever_separator_a_spreadsheet_takes(
    rows: list[list[str]], written: Separator, opened: str
) -> None:
    content = to_csv_bytes(rows, for_people=False, separator=written).decode()
    cells = [cell for row in csv.reader(io.StringIO(content, newline=""), delimiter=opened) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]


def test_numbers_and_ordinary_text_stay_as_they_are() -> None:
    rows: list[list[Cell]] = [["Calle 26 - norte", -5, 0.25, None, "2025-05-06T07:00:00-05:00", "O'Higgins = 3"]]
    assert to_csv_bytes(rows, for_people=False) == (
        b"Calle 26 - norte,-5,0.25,,2025-05-06T07:00:00-05:00,O'Higgins = 3\r\n"
    )


def test_control_characters_in_names_break_no_format() -> None:
    made = dataclasses.replace(report(), site_name="a\x07b\x0bc")  # a site file may not have them, an older one could
    assert openpyxl.load_workbook(io.BytesIO(to_xlsx(made)))
    assert to_pdf(made).startswith(b"%PDF")


@pytest.mark.parametrize(("days", "pages"), [(1, 1), (7, 5)])
def test_a_day_is_one_printed_page_and_a_week_a_few(days: int, pages: int) -> None:
    content = to_pdf(report("es", days=days, shares=GAPS))
    assert content.count(b"/Type /Page\n") <= pages


def test_a_pdf_of_more_than_a_month_is_refused_with_the_way_out() -> None:
    with pytest.raises(QueryError, match="at most a month for a PDF, got 768 hours; take csv or xlsx"):
        to_pdf(report(days=32))
