"""Measures of traffic: buckets of local time, totals with coverage, peak hour."""

from __future__ import annotations

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from aforo.local_time import HOUR_US, QUARTER_US, Bucket, buckets, local_time, to_us
from aforo.model import MINUTE_US
from aforo.traffic_measures import Measured, flow_rate, measured, peak_clock_hour, peak_hour, peak_hour_factor, total


def local_day(zone: str, *date: int) -> tuple[Bucket, list[Bucket]]:
    """The bucket of a local day and the hours in it."""
    tz = ZoneInfo(zone)
    midnight_us = to_us(datetime(*date, tzinfo=tz))
    (day,) = buckets(midnight_us, midnight_us + 1, "1d", tz)
    assert day.start_us == midnight_us
    return day, buckets(*day, "1h", tz)


@pytest.mark.parametrize(
    ("zone", "date", "length_h", "hours"),
    [
        ("America/Bogota", (2025, 3, 9), 24, 24),
        ("America/New_York", (2025, 3, 9), 23, 23),
        ("America/New_York", (2025, 11, 2), 25, 25),
        ("Asia/Kolkata", (2025, 3, 9), 24, 24),
        ("Australia/Lord_Howe", (2025, 10, 5), 23.5, 24),
        ("Australia/Lord_Howe", (2025, 4, 6), 24.5, 25),
        ("America/Havana", (2025, 3, 9), 23, 23),  # begins at 01:00
        ("America/Havana", (2025, 11, 2), 25, 25),  # midnight comes twice
        ("America/Sao_Paulo", (2018, 2, 17), 25, 25),  # 23:00 comes twice
    ],
)
def test_a_local_day_is_as_long_as_it_was_and_its_hours_fill_it(
    zone: str, date: tuple[int, ...], length_h: float, hours: int
) -> None:
    day, inside = local_day(zone, *date)
    assert day.end_us - day.start_us == length_h * HOUR_US
    assert len(inside) == hours
    assert inside[0].start_us == day.start_us
    assert inside[-1].end_us == day.end_us
    assert all(a.end_us == b.start_us for a, b in itertools.pairwise(inside))


@pytest.mark.parametrize(
    "zone",
    [
        "America/Bogota",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/Havana",
        "Africa/Casablanca",
    ],
)
def test_hours_of_a_year_begin_where_the_clocks_show_full_hours_or_change(zone: str) -> None:
    tz = ZoneInfo(zone)
    start_us, end_us = to_us(datetime(2025, 1, 1, 0, 30, tzinfo=tz)), to_us(datetime(2026, 1, 1, tzinfo=tz))
    quarters = [local_time(at_us, tz) for at_us in range(start_us, end_us, QUARTER_US)]
    begins = [
        to_us(after)
        for before, after in itertools.pairwise(quarters)
        if after.minute == 0 or after.utcoffset() != before.utcoffset()
    ]
    hours = buckets(start_us, end_us, "1h", tz)
    assert [hour.start_us for hour in hours] == [start_us - 2 * QUARTER_US, *begins]
    assert [hour.end_us for hour in hours] == [*begins, end_us]


def test_hours_begin_on_the_local_hour_in_a_half_hour_zone() -> None:
    _, hours = local_day("Asia/Kolkata", 2025, 3, 9)
    assert {local_time(hour.start_us, ZoneInfo("Asia/Kolkata")).minute for hour in hours} == {0}
    assert {hour.start_us % HOUR_US for hour in hours} == {HOUR_US // 2}


def test_a_day_that_a_zone_left_out_does_not_appear() -> None:
    tz = ZoneInfo("Pacific/Apia")
    found = buckets(to_us(datetime(2011, 12, 29, tzinfo=tz)), to_us(datetime(2012, 1, 1, tzinfo=tz)), "1d", tz)
    assert [local_time(day.start_us, tz).day for day in found] == [29, 31]


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "1d"])
def test_buckets_cover_the_whole_range_that_is_asked_for(interval: str) -> None:
    tz = ZoneInfo("America/Bogota")
    start_us = to_us(datetime(2025, 5, 1, 10, 7, 31, tzinfo=tz))
    end_us = start_us + 3 * HOUR_US + 1
    found = buckets(start_us, end_us, interval, tz)
    assert found[0].start_us <= start_us < found[0].end_us
    assert found[-1].start_us < end_us <= found[-1].end_us


def test_an_empty_range_has_no_buckets() -> None:
    assert buckets(5, 5, "1h", ZoneInfo("UTC")) == []


def test_what_was_not_observed_is_unknown_and_what_was_observed_empty_is_zero() -> None:
    hour = Bucket(0, HOUR_US)
    assert measured(hour, 0, 0, 0).count is None
    assert measured(hour, 0, 0, 1).count == 0
    assert measured(hour, 2, 0, 0).count == 2


@pytest.mark.parametrize(("share", "complete"), [(1.0, True), (0.99, True), (0.9899, False), (0.0, False), (1.2, True)])
def test_an_interval_is_complete_from_99_percent_on(share: float, complete: bool) -> None:
    found = measured(Bucket(0, HOUR_US), 1, 0, round(share * HOUR_US))
    assert found.complete is complete
    assert found.coverage == pytest.approx(min(share, 1.0))


def quarters(*counts: int | None) -> list[Measured]:
    return [
        measured(Bucket(i * QUARTER_US, (i + 1) * QUARTER_US), count or 0, 0, QUARTER_US if count is not None else 0)
        for i, count in enumerate(counts)
    ]


def test_a_total_leaves_unknown_intervals_out_and_says_that_it_is_incomplete() -> None:
    found = total(quarters(3, None, 4, 0))
    assert found is not None
    assert (found.count, found.complete, found.coverage) == (7, False, 0.75)
    whole = total(quarters(3, 4))
    assert whole is not None
    assert (whole.count, whole.complete, whole.start_us, whole.end_us) == (7, True, 0, 2 * QUARTER_US)


def test_a_total_of_unknown_intervals_is_unknown() -> None:
    found = total(quarters(None, None))
    assert found is not None
    assert found.count is None
    assert total([]) is None


def test_the_peak_hour_begins_at_any_quarter() -> None:
    # Highway Capacity Manual, example of chapter 4: 1,000 + 1,200 + 1,100 + 1,000 = 4,300 in the hour, PHF 0.896.
    found = peak_hour(quarters(200, 300, 1000, 1200, 1100, 1000, 100))
    assert found is not None
    assert (found.start_us, found.end_us) == (2 * QUARTER_US, 6 * QUARTER_US)
    assert found.volume == 4300
    assert found.factor == pytest.approx(0.896, abs=5e-4)
    assert found.peak_flow_rate == 4800


def test_the_earliest_of_equal_peak_hours_is_taken() -> None:
    found = peak_hour(quarters(1, 1, 1, 1, 1, 1))
    assert found is not None
    assert found.start_us == 0


def test_an_hour_with_an_unknown_quarter_is_no_peak_hour() -> None:
    found = peak_hour(quarters(900, 900, None, 1, 2, 3, 4))
    assert found is not None
    assert found.volume == 10


def test_hours_do_not_reach_over_a_gap_in_the_list() -> None:
    listed = quarters(1, 1, 1, 9, 9, 9, 9, 1)
    assert peak_hour(listed[:2] + listed[4:6]) is None


@pytest.mark.parametrize("counts", [(), (1, 2, 3), (0, 0, 0, 0), (None, None, None, None)])
def test_there_is_no_peak_hour_where_nothing_can_be_said(counts: tuple[int | None, ...]) -> None:
    assert peak_hour(quarters(*counts)) is None
    assert peak_clock_hour(quarters(*(count for count in counts if not count))) is None


def test_the_peak_clock_hour_is_the_highest_known_one() -> None:
    found = peak_clock_hour(quarters(3, None, 8, 8))
    assert found is not None
    assert found.start_us == 2 * QUARTER_US


@pytest.mark.parametrize(("counts", "factor"), [((5, 5, 5, 5), 1.0), ((20, 0, 0, 0), 0.25), ((0, 0, 0, 0), None)])
def test_the_peak_hour_factor_is_between_a_quarter_and_one(counts: tuple[int, ...], factor: float | None) -> None:
    assert peak_hour_factor(counts) == factor


def test_a_flow_rate_is_per_hour() -> None:
    assert flow_rate(30, 5 * MINUTE_US) == 360
