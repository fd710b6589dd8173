"""What the stores write of each row, and what they record of a site: the same names in every database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from aforo.address import Address
from aforo.model import Crossing, Movement, PlaceKind, Visit
from aforo.site import Site


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table of rows.

    >>> Column("entered_at", "bigint", is_time=True).field
    'entered_at_us'

    Attributes:
        name: its name in a database that has a type for instants.
        type: of its values outside such a database, as SQL calls it.
        is_time: it holds an instant: the row has it in microseconds since 1970-01-01 UTC.
    """

    name: str
    type: Literal["text", "bigint", "boolean", "double precision", "bytea"] = "text"
    is_time: bool = False

    @property
    def field(self) -> str:
        """The attribute of the row, and the column of a database without a type for instants."""
        return f"{self.name}_us" if self.is_time else self.name


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of the rows of one kind.

    Attributes:
        name: of the table.
        key: what makes two rows the same row.
        values: everything else.
    """

    name: str
    key: tuple[Column, ...]
    values: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, those of the key first, in the order of the row's attributes."""
        return (*self.key, *self.values)

    @property
    def fields(self) -> str:
        """The fields of all columns, separated by commas."""
        return ", ".join(column.field for column in self.columns)


_TRACK = (Column("camera"), Column("session"), Column("track_id", "bigint"))
_ORDINAL = Column("ordinal", "bigint")
_AT = Column("at", "bigint", is_time=True)
_ENTERED_AT = Column("entered_at", "bigint", is_time=True)
_ROAD_USER, FINAL, _GEOMETRY = Column("road_user"), Column("final", "boolean"), Column("geometry")

POINTS = Column("points", "bytea")
"""The positions of a trajectory, as `pack_trajectories` makes them."""

CROSSINGS = Table(
    "crossings",
    (*_TRACK, Column("line"), _ORDINAL),
    (_AT, Column("direction"), _ROAD_USER, FINAL, _GEOMETRY, Column("class_confidence", "double precision")),
)
VISITS = Table(
    "visits",
    (*_TRACK, Column("zone"), _ORDINAL),
    (_ENTERED_AT, Column("left_at", "bigint", is_time=True), _ROAD_USER, FINAL, _GEOMETRY),
)
MOVEMENTS = Table(
    "movements", (*_TRACK, Column("movement"), _ORDINAL), (_ENTERED_AT, _AT, _ROAD_USER, FINAL, _GEOMETRY)
)
COVERAGE = Table(
    "coverage",
    (Column("camera"), Column("session"), Column("minute", "bigint", is_time=True)),
    (Column("observed_us", "bigint"), Column("frames", "bigint"), Column("dropped", "bigint")),
)
TRAJECTORIES = Table(
    "trajectories",
    _TRACK,
    (
        Column("started_at", "bigint", is_time=True),
        Column("ended_at", "bigint", is_time=True),
        _ROAD_USER,
        Column("aspect", "double precision"),
        POINTS,
    ),
)

PLACE_ROWS = {PlaceKind.LINE: ("crossings", "line"), PlaceKind.ZONE: ("visits", "zone")}
"""Which table has the rows of a kind of place, and which column of it has the place's id."""

Row = TypeVar("Row", Crossing, Visit, Movement)


def identity(site: Site) -> dict[str, str]:
    """The site itself: id, name and time zone."""
    return {"id": site.id, "name": site.name, "timezone": site.timezone.key}


def cameras(site: Site) -> list[dict[str, str]]:
    """The cameras of a site: id, name, and source as scheme and host."""
    return [{"id": camera.id, "name": camera.name, "source": camera.shown_source} for camera in site.cameras]


def shown_source(stored: str) -> str:
    """A camera's source as it may stay in a database: versions before stored more of addresses than scheme and host."""
    if "://" not in stored:
        return stored
    try:
        return str(Address(stored))
    except ValueError:
        return ""


def geometry(site: Site) -> list[dict[str, str]]:
    """The lines, zones and movements of a site in their present version, with their definition as JSON."""
    return [
        {
            "kind": place.kind.value,
            "id": place.id,
            "version": place.version,
            "camera": camera.id,
            "definition": json.dumps(place.definition(), sort_keys=True),
        }
        for camera in site.cameras
        for place in camera.places
    ]


def newest(rows: Iterable[Row], place: str, voided: set[tuple[str, str, int]]) -> list[dict[str, Any]]:
    """The rows of a batch as they stand at its end: each key once, voided tracks gone; as names and values.

    Args:
        rows: in the order in which they were made.
        place: the attribute of the row's key that is not of the track: "line", "zone" or "movement".
        voided: camera, session and track id.
    """
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = (row.camera, row.session, row.track_id, getattr(row, place), row.ordinal)
        if key[:3] not in voided and (key not in found or row.final >= found[key].final):
            found[key] = row
    return [{name: getattr(row, name) for name in row.__slots__} for row in found.values()]
