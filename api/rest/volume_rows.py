"""The rows of `/v1/volumes` and `/v1/movements`, as JSON and as CSV.

A year of hours by class is fifty thousand rows: they are plain dictionaries, because checking each with a model would
take seconds.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from aforo.model import PlaceKind
from api.csv_text import Cell, to_csv_bytes
from api.place_series import Series
from api.time_ranges import local_times

_ROWS_IN_A_PIECE = 1000


@dataclass(frozen=True, slots=True)
class _Column:
    """The counts of one direction and class, of all where None.

    Attributes:
        counts: per bucket, None where nothing was observed.
        provisional: per bucket, how many of the count.
    """

    direction: str | None
    road_user: str | None
    counts: list[int | None]
    provisional: list[int]


def _columns(series: Series, by: set[str]) -> list[_Column]:
    """The counts of a series, split by what `by` names."""
    directions: list[str | None] = list(series.directions) if "direction" in by else [None]
    road_users: list[str | None] = list(series.road_users) if "class" in by else []
    columns = []
    for direction, road_user in itertools.product(directions, road_users or [None]):
        sums, provisional = series.sums(direction, road_user)
        unknown = (series.observed_us == 0) & (sums == 0)  # as in `aforo.traffic_measures.measured`
        counts = sums.astype(object)
        counts[unknown] = None
        columns.append(_Column(direction, road_user, counts.tolist(), provisional.tolist()))
    return columns


def _spans(series: Series, zone: ZoneInfo) -> Iterator[tuple[str, str, float, bool]]:
    """Of each bucket: start and end in local time, coverage, completeness."""
    instants_us = [*(bucket.start_us for bucket in series.buckets), series.buckets[-1].end_us]
    times = itertools.pairwise(local_times(instants_us, zone))
    for (start, end), coverage, complete in zip(times, series.coverage, series.complete, strict=True):
        yield start, end, round(coverage, 4), complete


def json_parts(heading: dict[str, Any], series: Sequence[Series], by: set[str], zone: ZoneInfo) -> Iterator[bytes]:
    """An `api.rest.schemas.CountsAnswer`: place by place and bucket by bucket, a row for each direction and class.

    Args:
        heading: all of the answer but its rows.
        series: with at least one bucket each.
        by: of "direction" and "class", what the counts are split by.
        zone: of the times.
    """
    yield orjson.dumps(heading)[:-1] + b',"rows":['
    separator = b""
    for rows in _pieces(row for one in series for row in _rows(one, by, zone)):
        yield separator + orjson.dumps(rows)[1:-1]
        separator = b","
    yield b"]}"


def etag_of(heading: dict[str, Any], series: Sequence[Series], by: set[str], shape: str) -> str:
    """The same for the same answer, and computed before any of its rows is made."""
    digest = hashlib.blake2b(orjson.dumps([heading, sorted(by), shape, metadata.version("aforo")]), digest_size=16)
    for one in series:
        digest.update(orjson.dumps([one.place.camera, one.place.id, one.directions, sorted(one.counts)]))
        for key in sorted(one.counts):
            digest.update(one.counts[key].tobytes())
        digest.update(one.observed_us.tobytes())
    return digest.hexdigest()


def _pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while piece := list(itertools.islice(rows, _ROWS_IN_A_PIECE)):
        yield piece


def _rows(series: Series, by: set[str], zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    place = {"camera": series.place.camera, str(series.place.kind): series.place.id}
    columns = _columns(series, by)
    for number, (start, end, coverage, complete) in enumerate(_spans(series, zone)):
        where = {"start": _with_z(start), "end": _with_z(end), **place}
        for column in columns:
            row: dict[str, Any] = where.copy()
            if "direction" in by:
                row["direction"] = column.direction
            if "class" in by:
                row["road_user"] = column.road_user
            row["count"] = column.counts[number]
            row["provisional"] = column.provisional[number]
            row["coverage"] = coverage
            row["complete"] = complete
            yield row


def _with_z(time: str) -> str:
    """UTC as Z, as the other JSON answers have it."""
    return f"{time[:-6]}Z" if time.endswith("+00:00") else time


def csv_parts(series: Sequence[Series], by: set[str], zone: ZoneInfo) -> Iterator[bytes]:
    """The same rows as a table; an unknown count is an empty cell."""
    split = [name for name, part in (("direction", "direction"), ("road_user", "class")) if part in by]
    header = ["start", "end", "camera", "line", "zone", *split, "count", "provisional", "coverage", "complete"]
    for rows in _pieces(itertools.chain([header], _cells(series, by, zone))):
        yield to_csv_bytes(rows, for_people=False)


def _cells(series: Sequence[Series], by: set[str], zone: ZoneInfo) -> Iterator[Sequence[Cell]]:
    for one in series:
        place = one.place
        where = (place.camera, *(place.id if place.kind == kind else None for kind in (PlaceKind.LINE, PlaceKind.ZONE)))
        columns = _columns(one, by)
        for number, (start, end, coverage, complete) in enumerate(_spans(one, zone)):
            for column in columns:
                names = (column.direction,) * ("direction" in by) + (column.road_user,) * ("class" in by)
                counts = column.counts[number], column.provisional[number]
                yield (start, end, *where, *names, *counts, coverage, str(complete).lower())
