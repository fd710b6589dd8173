"""Buckets of local time: minutes, quarter-hours, hours and days as a site's time zone has them. Pure.

An hour begins when the clocks on the street show :00 and a day at their midnight, so that a day has 23 or 25 hours
when the clocks change. Quarter-hours and shorter intervals are the same in local time and UTC, because every offset in
use since 1972 is a whole number of quarter-hours.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from aforo.model import MICROSECONDS, MINUTE_US

QUARTER_US = 15 * MINUTE_US
HOUR_US = 60 * MINUTE_US

INTERVALS = {"1m": MINUTE_US, "5m": 5 * MINUTE_US, "15m": QUARTER_US, "1h": HOUR_US, "1d": 24 * HOUR_US}
"""The names of intervals and their usual length; an hour or day in which the clocks change is shorter or longer."""

YEARS = range(1970, 2200)
"""Anything else is a slip of the keyboard."""


class Bucket(NamedTuple):
    """An interval of event time, microseconds since 1970-01-01 UTC, `start_us` inclusive, `end_us` exclusive.

    >>> Bucket(0, 60_000_000).end_us
    60000000
    """

    start_us: int
    end_us: int


def buckets(start_us: int, end_us: int, interval: str, zone: tzinfo) -> list[Bucket]:
    """The whole buckets that overlap a range, in order and without gaps.

    >>> buckets(0, 90_000_000, "1m", UTC)
    [Bucket(start_us=0, end_us=60000000), Bucket(start_us=60000000, end_us=120000000)]

    Args:
        start_us: start of the range, inclusive.
        end_us: end of the range, exclusive.
        interval: a key of `INTERVALS`.
        zone: the site's time zone.
    """
    if end_us <= start_us:
        return []
    if interval == "1d":
        return _days(start_us, end_us, zone)
    if interval == "1h":
        return _hours(start_us, end_us, zone)
    step_us = INTERVALS[interval]
    first_us = start_us - start_us % step_us
    return [Bucket(at_us, at_us + step_us) for at_us in range(first_us, end_us, step_us)]


def parse_moment(text: str) -> datetime:
    """A time in ISO 8601, of a year in which there were cameras; aware if it has an offset.

    >>> parse_moment("2026-03-05T07:30:00-05:00").year
    2026
    >>> parse_moment("2026-02-30")
    Traceback (most recent call last):
    ValueError: expected ISO 8601 such as 2026-03-05T07:30:00-05:00, got '2026-02-30'

    Raises:
        ValueError: it is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected ISO 8601 such as 2026-03-05T07:30:00-05:00, got {text[:40]!r}") from None
    if moment.year not in YEARS:
        raise ValueError(f"expected a year from {YEARS[0]} to {YEARS[-1]}, got {moment.year}")
    return moment


def local_time(at_us: int, zone: tzinfo) -> datetime:
    """An instant (microseconds since 1970-01-01 UTC) in a time zone, to the microsecond.

    >>> local_time(1_772_695_800_000_000, UTC).isoformat()
    '2026-03-05T07:30:00+00:00'
    """
    seconds, microsecond = divmod(at_us, MICROSECONDS)
    return datetime.fromtimestamp(seconds, zone).replace(microsecond=microsecond)


def clock_span(start_us: int, end_us: int, zone: tzinfo) -> str:
    """An interval of a few hours at most as clocks show it; on days when they change with the offset from UTC.

    The end is in the offset of the start: of a day when the clocks go back, 01:00–02:00 comes twice.

    >>> clock_span(1_772_695_800_000_000, 1_772_699_400_000_000, UTC)
    '07:30–08:30'
    """
    start = local_time(start_us, zone)
    offset = start.utcoffset()
    end = local_time(end_us, zone if offset is None else timezone(offset))
    return f"{start:%H:%M}–{end:%H:%M}{offset_where_told(start)}"


def offset_where_told(moment: datetime) -> str:
    """The offset of a local time in parentheses after a space, on a day when the clocks change; else "".

    >>> offset_where_told(datetime(2026, 3, 5, tzinfo=UTC))
    ''
    """
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    changes = midnight.utcoffset() != (midnight + timedelta(days=1)).utcoffset()
    return f" ({moment:%z})" if changes else ""


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of a time with offset.

    >>> to_us(datetime(2026, 3, 5, 7, 30, tzinfo=UTC))
    1772695800000000
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _offset_us(at_us: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(at_us // MICROSECONDS, zone).utcoffset()
    return offset // timedelta(microseconds=1) if offset is not None else 0


def _hours(start_us: int, end_us: int, zone: tzinfo) -> list[Bucket]:
    starts = [_hour_start(start_us, zone)]
    while starts[-1] < end_us:
        at_us = starts[-1]
        offset_us = _offset_us(at_us, zone)
        next_us = at_us + HOUR_US - (at_us + offset_us) % HOUR_US
        day_us = next_us + INTERVALS["1d"]
        if offset_us == _offset_us(next_us, zone) == _offset_us(day_us, zone):  # no change of the clocks for a day
            starts += range(next_us, day_us, HOUR_US)
        elif offset_us == _offset_us(next_us, zone):
            starts.append(next_us)
        else:
            starts.append(_first_change(at_us, next_us, zone))
    return [Bucket(a, b) for a, b in itertools.pairwise(starts) if a < end_us]


def _hour_start(at_us: int, zone: tzinfo) -> int:
    offset_us = _offset_us(at_us, zone)
    start_us = at_us - (at_us + offset_us) % HOUR_US
    return start_us if _offset_us(start_us, zone) == offset_us else _first_change(start_us, at_us, zone)


def _first_change(start_us: int, end_us: int, zone: tzinfo) -> int:
    """The quarter-hour after `start_us`, at most `end_us`, from which another offset holds."""
    before_us = _offset_us(start_us, zone)
    quarters = range(start_us - start_us % QUARTER_US + QUARTER_US, end_us, QUARTER_US)
    return next((at_us for at_us in quarters if _offset_us(at_us, zone) != before_us), end_us)


def _days(start_us: int, end_us: int, zone: tzinfo) -> list[Bucket]:
    # From the day before: where the clocks were set back over midnight, its last hour comes again after midnight.
    day = local_time(start_us, zone).date() - timedelta(days=1)
    last = local_time(end_us, zone).date() + timedelta(days=1)
    midnights = []
    while day <= last:
        midnights.append(to_us(datetime(day.year, day.month, day.day, tzinfo=zone)))
        day += timedelta(days=1)
    # A day that a zone left out (Samoa, 30 December 2011) has no length.
    days = [Bucket(a, b) for a, b in itertools.pairwise(midnights) if a < b]
    return [bucket for bucket in days if bucket.start_us < end_us and bucket.end_us > start_us]
