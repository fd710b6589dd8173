"""The hours of a place's day as bytes in one row: how both kinds of PostgreSQL keep them, and how they are read.

A year of hours of one line by direction and class is a hundred thousand numbers. As rows or arrays the database writes
each of them as text and the client reads it again, which takes far longer than to find them. As bytes they pass
unchanged from the table into numpy, and the fewer rows they are in, the faster.

`line_days` and `zone_days` of either kind of database have a row for each place and local day:

- `series`: the directions and classes that follow; between a direction and its class stands U+001F, between two of
  them U+001E;
- `hours`: a matrix of 4-byte numbers, the most significant byte first, as `int4send` writes them. Its first row has the
  minutes (since 1970-01-01 UTC) at which the hours begin, the others have the counts of one of the series each;
- `provisional`: how many of these are provisional, at the same places, behind a row of zeros; NULL when none are.

Days have 22 to 26 hours when the clocks change. There may be further columns, of zeros, behind a day's last hour.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter

import numpy as np

from aforo.model import MINUTE_US, PlaceKind
from aforo.volume_series import Integers, Volumes, VolumeSeries

NAME_END, SERIES_END = "\x1f", "\x1e"
NAME_END_SQL, SERIES_END_SQL = "chr(31)", "chr(30)"

Day = tuple[str, str, bytes, bytes | None]
"""Place, series, hours, provisional."""


def unpack(kind: PlaceKind, days: Iterable[Day], start_us: int, end_us: int, *, whole_days: bool) -> Volumes:
    """The volumes of hours, or of days, that begin in a range and are not zero.

    Args:
        kind: line or zone, of all of them.
        days: in any order.
        start_us: inclusive.
        end_us: exclusive.
        whole_days: add up the hours of each day.
    """
    alike: dict[tuple[str, str, int], list[tuple[bytes, bytes | None]]] = defaultdict(list)
    for place, series, hours, provisional in days:
        alike[place, series, len(hours)].append((hours, provisional))
    found: dict[tuple[str, str, str], list[tuple[Integers, ...]]] = defaultdict(list)
    for (place, series, size), packed in alike.items():
        packed.sort(key=itemgetter(0))  # by their first minutes
        names = series.split(SERIES_END)
        starts_us, *counts = _rows([hours for hours, _ in packed], len(names), whole_days)
        starts_us *= MINUTE_US
        inside = (starts_us >= start_us) & (starts_us < end_us)
        opened = [np.zeros_like(starts_us)] * len(names)
        if any(provisional for _, provisional in packed):
            _, *opened = _rows([provisional or bytes(size) for _, provisional in packed], len(names), whole_days)
        for name, count, still_open in zip(names, counts, opened, strict=True):
            chosen = np.flatnonzero(inside & (count != 0))
            if len(chosen):
                direction, _, road_user = name.partition(NAME_END)
                figures: tuple[Integers, ...] = (starts_us[chosen], count[chosen], still_open[chosen])
                found[place, direction, road_user].append(figures)
    return Volumes(tuple(VolumeSeries(kind, *key, *_in_order(parts)) for key, parts in found.items()))


def _rows(matrices: Sequence[bytes], series: int, whole_days: bool) -> Integers:
    """The rows of matrices that stand side by side; minutes first.

    Returns:
        Shape (1 + series, hours or days).
    """
    found = np.frombuffer(b"".join(matrices), ">i4").reshape(len(matrices), 1 + series, -1).swapaxes(0, 1)
    if whole_days:
        minutes, counts = found[:1, :, 0], found[1:].sum(axis=2, dtype=np.int64)
        return np.concatenate((minutes, counts))
    return found.astype(np.int64, order="C").reshape(1 + series, -1)


def _in_order(parts: Sequence[tuple[Integers, ...]]) -> tuple[Integers, ...]:
    """Columns of starts and counts, in one piece and by start."""
    if len(parts) == 1:
        return parts[0]
    columns = tuple(np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    order = np.argsort(columns[0], kind="stable")
    return tuple(column[order] for column in columns)


HOUR = np.dtype([("minute", ">i4"), ("observed_us", ">i8"), ("frames", ">i8"), ("dropped", ">i8")])


NUMBERS = (HOUR.names or ())[1:]


def minute_sql(start: str) -> str:
    """SQL: the minute of a column of times, as bytes."""
    return f"int4send((extract(epoch FROM {start}) / 60)::integer)"


def aggregate_sql(start: str) -> str:
    """SQL: packs rows with a column for each number of an hour, in the order of their start."""
    numbers = " || ".join(f"int8send({name}::bigint)" for name in NUMBERS)
    return f"string_agg({minute_sql(start)} || {numbers}, '' ORDER BY {start})"


def empty_sql(starts: str) -> str:
    """SQL: packs an array of starts with zeros."""
    zeros = "00" * (HOUR.itemsize - 4)
    hours = f"string_agg({minute_sql('start')} || '\\x{zeros}', '' ORDER BY start)"
    return f"(SELECT {hours} FROM unnest({starts}) AS start)"  # noqa: S608 -- of constants


def add_sql(number: str, change: str) -> str:
    """SQL: the column `hours` with the numbers of hour `number` (from 0) raised by those of a record."""
    changed = " || ".join(f"int8send(({read_sql(name, number)} + {change}.{name})::bigint)" for name in NUMBERS)
    return f"overlay(hours PLACING {changed} FROM {HOUR.itemsize} * ({number}) + 5)"


def read_sql(name: str, number: str) -> str:
    """SQL: one number of hour `number` (from 0) of the column `hours`."""
    offset = sum(HOUR[before].itemsize for before in itertools.takewhile(name.__ne__, HOUR.names or ()))
    return f"int{HOUR[name].itemsize}_at(hours, {HOUR.itemsize} * ({number}) + {offset})"


def unpack_coverage(packed: bytes, start_us: int, end_us: int) -> tuple[Integers, ...]:
    """Hours that begin in a range and are not all zeros, by start.

    Args:
        packed: days one behind the other, in any order.
        start_us: inclusive.
        end_us: exclusive.

    Returns:
        Starts (microseconds since 1970-01-01 UTC), then observed time (microseconds), frames and dropped frames; all
        of the same length.
    """
    hours = np.frombuffer(packed, HOUR)
    starts_us, *numbers = (hours[name].astype(np.int64) for name in HOUR.names or ())
    starts_us *= MINUTE_US
    chosen = (starts_us >= start_us) & (starts_us < end_us) & np.any(numbers, axis=0)
    columns = [column[chosen] for column in (starts_us, *numbers)]
    if np.any(np.diff(columns[0]) < 0):
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]
    return tuple(columns)
