"""Ranges of time as people type them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from aforo.errors import QueryError
from aforo.local_time import YEARS, local_time, to_us
from aforo.model import MICROSECONDS

_SPACE_FOR_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)")


def parse_time(name: str, text: str, zone: ZoneInfo) -> int:
    """Microseconds since 1970-01-01 UTC of a time in ISO 8601.

    Args:
        name: of the parameter, for the error.
        text: a date (its local midnight) or a time; local to the site when without offset.
        zone: the site's time zone.

    Raises:
        QueryError: it is no such time, or absurd.
    """
    text = text.strip()
    if "T" in text:  # A + that was not escaped in an address arrives as a space.
        text = _SPACE_FOR_PLUS.sub("+", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(
            f"{name}: expected a time such as 2025-05-06 or 2025-05-06T07:30:00-05:00, got {text[:40]!r}"
        ) from None
    if moment.year not in YEARS:
        raise QueryError(f"{name}: expected a year from {YEARS[0]} to {YEARS[-1]}, got {moment.year}")
    return to_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


def parse_range(start: str | None, end: str | None, zone: ZoneInfo, now_us: int) -> tuple[int, int]:
    """A range of time, end exclusive; today until now where nothing is said.

    Raises:
        QueryError: as `parse_time`, or the range has no length.
    """
    start_us = midnight_us(now_us, zone) if start is None else parse_time("from", start, zone)
    end_us = now_us + 1 if end is None else parse_time("to", end, zone)
    _check_order(start_us, end_us, zone)
    return start_us, end_us


def parse_open_range(start: str | None, end: str | None, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """A range of time, end exclusive, open where nothing is said.

    Raises:
        QueryError: as `parse_range`.
    """
    start_us = None if start is None else parse_time("from", start, zone)
    end_us = None if end is None else parse_time("to", end, zone)
    if start_us is not None and end_us is not None:
        _check_order(start_us, end_us, zone)
    return start_us, end_us


def _check_order(start_us: int, end_us: int, zone: ZoneInfo) -> None:
    """Refuse a range without length."""
    if start_us >= end_us:
        shown = [local_time(at_us, zone).isoformat(timespec="seconds") for at_us in (start_us, end_us)]
        raise QueryError(f"from: expected a time before `to` ({shown[1]}), got {shown[0]}")


def parse_days(first: str, last: str | None, zone: ZoneInfo, now_us: int) -> tuple[int, int]:
    """The whole local days from the first to the last, end exclusive; today ends now.

    Raises:
        QueryError: one is no date, or the last is before the first.
    """
    start_us = _parse_day("day", first, zone)
    last_us = start_us if last is None else _parse_day("to", last, zone)
    if last_us < start_us:
        raise QueryError(f"to: expected {first} or a later day, got {last}")
    following = local_time(last_us, zone).date() + timedelta(days=1)
    end_us = to_us(datetime(following.year, following.month, following.day, tzinfo=zone))
    return start_us, now_us + 1 if last_us <= now_us < end_us else end_us


def _parse_day(name: str, text: str, zone: ZoneInfo) -> int:
    """The midnight that a day begins with; a time of day is refused, as it would not be looked at."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise QueryError(f"{name}: expected a day such as 2025-05-06, got {text[:40]!r}") from None
    return parse_time(name, day.isoformat(), zone)


def midnight_us(at_us: int, zone: ZoneInfo) -> int:
    """The local midnight before an instant."""
    day = local_time(at_us, zone)
    return to_us(datetime(day.year, day.month, day.day, tzinfo=zone))


def local_times(instants_us: Iterable[int], zone: ZoneInfo) -> list[str]:
    """Instants on whole seconds in ISO 8601, as the clocks of the zone show them."""
    return [datetime.fromtimestamp(at_us // MICROSECONDS, zone).isoformat() for at_us in instants_us]
