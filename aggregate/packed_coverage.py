"""The hours of a camera's day as bytes in one row; see `aggregate.packed_volumes`.

A day's hours stand one behind the other: the minute at which the hour begins (since 1970-01-01 UTC), then its numbers,
all with the most significant byte first, as PostgreSQL's `int4send` and `int8send` write them. Hours may be left out
or be all zeros.
"""

from __future__ import annotations

import itertools

import numpy as np

from aforo.model import MINUTE_US
from aforo.volumes import Integers

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


def unpack(packed: bytes, start_us: int, end_us: int) -> tuple[Integers, ...]:
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
