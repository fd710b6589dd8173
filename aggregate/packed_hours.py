"""The hours of a day as bytes in one row: how both kinds of PostgreSQL keep them, and how they are read.

A year of hours of one line by direction and class is a hundred thousand numbers. As rows or arrays the database writes
each of them as text and the client reads it again, which takes far longer than to find them. As bytes they pass
unchanged from the table into numpy.

A day's hours stand one behind the other: the minute at which the hour begins (since 1970-01-01 UTC), then its numbers,
all with the most significant byte first, as PostgreSQL's `int4send` and `int8send` write them. Hours may be left out
or be all zeros.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from aforo.model import MINUTE_US

VOLUME = np.dtype([("minute", ">i4"), ("count", ">i4"), ("provisional", ">i4")])
COVERAGE = np.dtype([("minute", ">i4"), ("observed_us", ">i8"), ("frames", ">i8"), ("dropped", ">i8")])

_SEND = {4: "int4send({}::integer)", 8: "int8send({}::bigint)"}


def minute_sql(start: str) -> str:
    """SQL: the minute of a column of times, as bytes."""
    return f"int4send((extract(epoch FROM {start}) / 60)::integer)"


def aggregate_sql(hour: np.dtype[Any], start: str) -> str:
    """SQL: packs rows with a column for each number of an hour, in the order of their start."""
    numbers = " || ".join(_SEND[width.itemsize].format(name) for name, width in _numbers(hour))
    return f"string_agg({minute_sql(start)} || {numbers}, '' ORDER BY {start})"


def empty_sql(hour: np.dtype[Any], starts: str) -> str:
    """SQL: packs an array of starts with zeros."""
    zeros = "00" * (hour.itemsize - 4)
    hours = f"string_agg({minute_sql('start')} || '\\x{zeros}', '' ORDER BY start)"
    return f"(SELECT {hours} FROM unnest({starts}) AS start)"  # noqa: S608 -- of constants


def add_sql(hour: np.dtype[Any], number: str, change: str) -> str:
    """SQL: the column `hours` with the numbers of hour `number` (from 0) raised by those of a record."""
    changed = " || ".join(
        _SEND[width.itemsize].format(f"({read_sql(hour, name, number)} + {change}.{name})")
        for name, width in _numbers(hour)
    )
    return f"overlay(hours PLACING {changed} FROM {hour.itemsize} * ({number}) + 5)"


def read_sql(hour: np.dtype[Any], name: str, number: str) -> str:
    """SQL: one number of hour `number` (from 0) of the column `hours`."""
    offset = sum(hour[before].itemsize for before in itertools.takewhile(name.__ne__, hour.names or ()))
    return f"int{hour[name].itemsize}_at(hours, {hour.itemsize} * ({number}) + {offset})"


def unpack(packed: bytes, hour: np.dtype[Any], start_us: int, end_us: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Hours that begin in a range and are not all zeros, by start.

    Args:
        packed: days one behind the other, in any order.
        hour: `VOLUME` or `COVERAGE`.
        start_us: inclusive.
        end_us: exclusive.

    Returns:
        Starts (microseconds since 1970-01-01 UTC), then each of the hour's numbers; all of the same length.
    """
    hours = np.frombuffer(packed, hour)
    starts_us, *numbers = (hours[name].astype(np.int64) for name in hour.names or ())
    starts_us *= MINUTE_US
    chosen = (starts_us >= start_us) & (starts_us < end_us) & np.any(numbers, axis=0)
    columns = [column[chosen] for column in (starts_us, *numbers)]
    if np.any(np.diff(columns[0]) < 0):
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]
    return tuple(columns)


def _numbers(hour: np.dtype[Any]) -> list[tuple[str, np.dtype[Any]]]:
    return [(name, hour[name]) for name in (hour.names or ())[1:]]
