"""Manual counts from CSV files: what people counted at lines, zones and movements, interval by interval.

The columns are `COLUMNS`, in any order; one row is what one observer counted of one class in one interval.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import NoReturn

from aforo.errors import ConfigurationError
from aforo.local_time import HOUR_US, parse_moment, to_us
from aforo.model import MINUTE_US, ROAD_USERS, PlaceKind
from aforo.plain_files import read_text
from aforo.site import Site
from api.place_series import CountedPlace, places_of

COLUMNS = (
    "count_id",
    "place",
    "direction",
    "road_user",
    "interval_start",
    "interval_end",
    "count",
    "observer",
    "source",
    "note",
)
ALL = "all"
"""In the column `road_user`: every class together."""

SOURCES = ("street", "video")

LONGEST_US = 24 * HOUR_US
"""Of an interval."""

_MOST_BYTES = 64_000_000
_LONGEST_TEXT = 500
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ManualRow:
    """What one observer counted of one class in one interval.

    Attributes:
        count_id: of the campaign.
        place: the line, zone or movement.
        direction: of the line; "" for all directions together, and for a movement.
        road_user: a class, or `ALL`.
        start_us: start of the interval, inclusive.
        end_us: its end, exclusive.
        count: road users; 0 is a count as any other.
        observer: who counted; may be "".
        source: one of `SOURCES`.
        note: such as the weather; may be "".
    """

    count_id: str
    place: CountedPlace
    direction: str
    road_user: str
    start_us: int
    end_us: int
    count: int
    observer: str
    source: str
    note: str


def load_manual_count(file: Path, site: Site) -> list[ManualRow]:
    """Read a manual count of places of the site.

    Raises:
        ConfigurationError: the file cannot be read; a column is missing or unknown; or a field is wrong, which is named
            with its row (the header is row 1) and column.
    """
    try:
        text = read_text(file, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        table = list(reader)
    except csv.Error as error:
        raise ConfigurationError(f"{file}: row {reader.line_num}: {error}; expected comma-separated values") from error
    if not table or sorted(table[0]) != sorted(COLUMNS):
        got = ",".join(table[0])[:200] if table else "nothing"
        raise ConfigurationError(f"{file}: row 1: expected the columns {','.join(COLUMNS)}, got {got}")
    places = _places(site)
    rows = [
        _row(file, number, dict(zip(table[0], fields, strict=True)), places)
        if len(fields) == len(COLUMNS)
        else _refuse(file, number, f"expected {len(COLUMNS)} fields, got {len(fields)}")
        for number, fields in enumerate(table[1:], start=2)
        if fields
    ]
    if not rows:
        raise ConfigurationError(f"{file}: holds no counts; expected rows below the header")
    _refuse_overlaps(file, rows)
    return rows


def _places(site: Site) -> dict[str, list[CountedPlace]]:
    """The lines, zones and movements of the site by id, of which one of each kind may have the same."""
    found: dict[str, list[CountedPlace]] = defaultdict(list)
    for kind in PlaceKind:
        for place in places_of(site, kind):
            found[place.id].append(place)
    return dict(found)


def _row(file: Path, number: int, fields: Mapping[str, str], places: Mapping[str, list[CountedPlace]]) -> ManualRow:
    named = places.get(fields["place"], [])
    place = named[0] if len(named) == 1 else None
    directions = [*filter(None, place.directions), ""] if place else [""]
    rules = (
        ("count_id", fields["count_id"] != "", "a name of the campaign"),
        ("place", bool(named), f"a line, zone or movement of the site ({', '.join(islice(places, 20)) or 'none'})"),
        ("place", len(named) <= 1, f"an id of one place alone, not of a {' and a '.join(each.kind for each in named)}"),
        ("direction", fields["direction"] in directions, " or ".join(each or "nothing" for each in directions)),
        ("road_user", fields["road_user"] in (*ROAD_USERS, ALL), f"{', '.join(ROAD_USERS)} or {ALL}"),
        ("count", _NUMBER.fullmatch(fields["count"]) is not None, "a whole number, 0 or more"),
        ("source", fields["source"] in SOURCES, " or ".join(SOURCES)),
        *(
            (column, len(text) <= _LONGEST_TEXT, f"at most {_LONGEST_TEXT} characters")
            for column, text in fields.items()
        ),
    )
    for column, holds, expected in rules:
        if not holds:
            _refuse(file, number, f"{column}: expected {expected}, got {fields[column][:80]!r}")
    start_us, end_us = (_minute(file, number, column, fields[column]) for column in ("interval_start", "interval_end"))
    if place is None or not start_us < end_us <= start_us + LONGEST_US:
        expected = "a time after interval_start, by a day at most"
        _refuse(file, number, f"interval_end: expected {expected}, got {fields['interval_end']!r}")
    return ManualRow(
        fields["count_id"],
        place,
        fields["direction"],
        fields["road_user"],
        start_us,
        end_us,
        int(fields["count"]),
        fields["observer"],
        fields["source"],
        fields["note"],
    )


def _minute(file: Path, number: int, column: str, text: str) -> int:
    try:
        moment = parse_moment(text)
    except ValueError as error:
        _refuse(file, number, f"{column}: {error}")
    if moment.tzinfo is None:
        _refuse(file, number, f"{column}: expected an offset from UTC, as in 2026-03-05T07:30:00-05:00, got {text!r}")
    at_us = to_us(moment)
    if at_us % MINUTE_US:
        _refuse(file, number, f"{column}: expected a whole minute, as coverage is kept by the minute, got {text!r}")
    return at_us


def _refuse_overlaps(file: Path, rows: Sequence[ManualRow]) -> None:
    series: dict[tuple[str, ...], list[ManualRow]] = defaultdict(list)
    for row in rows:
        series[row.count_id, row.place.id, row.direction, row.road_user, row.observer].append(row)
    for found in series.values():
        found.sort(key=lambda row: row.start_us)
        for before, after in pairwise(found):
            if after.start_us < before.end_us:
                raise ConfigurationError(
                    f"{file}: {after.place.id}, {after.road_user}, observer {after.observer!r}: two intervals overlap; "
                    "expected each road user to be counted in one"
                )


def _refuse(file: Path, number: int, sentence: str) -> NoReturn:
    raise ConfigurationError(f"{file}: row {number}: {sentence}")
