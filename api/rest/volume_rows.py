"""Counts as they are answered: the rows of `/v1/volumes` and `/v1/movements`, as JSON and as CSV.

A year of hours by class is fifty thousand rows. An object for each, checked and turned into text one by one, would take
seconds; here the text is put together from columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from aforo.model import PlaceKind
from api.csv_text import Cell, to_csv_bytes
from api.place_series import Series
from api.time_ranges import local_times


@dataclass(frozen=True, slots=True)
class _Column:
    """The counts of a series in all its buckets, None where unknown: of everybody, or of a direction or class."""

    direction: str | None
    road_user: str | None
    counts: list[int | None]
    provisional: list[int]


def _split(series: Series, by: set[str]) -> list[_Column]:
    directions: list[str | None] = list(series.directions) if "direction" in by else [None]
    road_users: list[str | None] = list(series.road_users) if "class" in by else []
    found = []
    for direction, road_user in itertools.product(directions, road_users or [None]):
        counts, provisional = series.sums(direction, road_user)
        unknown = (series.observed_us == 0) & (counts == 0)  # as `aforo.measures.measured` has it
        figures = [
            None if nobody_looked else count
            for count, nobody_looked in zip(counts.tolist(), unknown.tolist(), strict=True)
        ]
        found.append(_Column(direction, road_user, figures, provisional.tolist()))
    return found


def _spans(series: Series, zone: ZoneInfo) -> Iterator[tuple[str, str, float, bool]]:
    """Of each bucket: start and end in local time, coverage, completeness."""
    ends = local_times([*(bucket.start_us for bucket in series.buckets), series.buckets[-1].end_us], zone)
    for (start, end), figures in zip(itertools.pairwise(ends), series.measured(), strict=True):
        yield start, end, round(figures.coverage, 4), figures.complete


def to_json(heading: dict[str, Any], found: Sequence[Series], by: set[str], zone: ZoneInfo) -> bytes:
    """An `api.rest.schemas.CountsAnswer`: place by place and bucket by bucket, a row for each direction and class.

    Args:
        heading: all of the answer but its rows.
        found: series with at least one bucket each.
        by: of "direction" and "class", what the counts are split by.
        zone: of the times.
    """
    rows = ",".join(_rows(series, by, zone) for series in found)
    return orjson.dumps(heading)[:-1] + b',"rows":[' + rows.encode() + b"]}"


def _rows(series: Series, by: set[str], zone: ZoneInfo) -> str:
    place = f'"camera":{_text(series.place.camera)},"{series.place.kind}":{_text(series.place.id)}'
    heads, tails = [], []
    for start, end, coverage, complete in _spans(series, zone):
        times = f'"start":"{_in_json(start)}","end":"{_in_json(end)}"'
        heads.append(f",{{{times},{place}")
        tails.append(f',"coverage":{coverage},"complete":{"true" if complete else "false"}}}')
    pieces: list[Sequence[str]] = []
    for column in _split(series, by):
        names = f',"direction":{_text(column.direction)}' if "direction" in by else ""
        names += f',"road_user":{_text(column.road_user)}' if "class" in by else ""
        counts = ["null" if count is None else str(count) for count in column.counts]
        pieces += heads, [f'{names},"count":'] * len(heads), counts
        pieces += [',"provisional":'] * len(heads), list(map(str, column.provisional)), tails
    text = [""] * (len(pieces) * len(heads))
    for number, piece in enumerate(pieces):
        text[number :: len(pieces)] = piece
    return "".join(text)[1:]


def _text(value: str | None) -> str:
    return orjson.dumps(value).decode()


def _in_json(local: str) -> str:
    """Without offset from UTC as every JSON answer has it."""
    return f"{local[:-6]}Z" if local.endswith("+00:00") else local


def to_csv(found: Sequence[Series], by: set[str], zone: ZoneInfo) -> bytes:
    """The same rows as a table; an unknown count is an empty cell."""
    split = [name for name, part in (("direction", "direction"), ("road_user", "class")) if part in by]
    header = ["start", "end", "camera", "line", "zone", *split, "count", "provisional", "coverage", "complete"]
    return to_csv_bytes(itertools.chain([header], _cells(found, by, zone)), for_people=False)


def _cells(found: Sequence[Series], by: set[str], zone: ZoneInfo) -> Iterator[Sequence[Cell]]:
    for series in found:
        place = series.place
        where = (place.camera, *(place.id if place.kind == kind else None for kind in (PlaceKind.LINE, PlaceKind.ZONE)))
        split = _split(series, by)
        for number, (start, end, coverage, complete) in enumerate(_spans(series, zone)):
            for column in split:
                names = (column.direction,) * ("direction" in by) + (column.road_user,) * ("class" in by)
                counts = column.counts[number], column.provisional[number]
                yield (start, end, *where, *names, *counts, coverage, str(complete).lower())
