"""What the stores write of each row, and what they record of a site: the same names in every database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from aforo.config.camera import CameraSection
from aforo.config.geometry import LineSection, MovementSection, ZoneSection
from aforo.config.site import Site
from aforo.model import Crossing, Movement, PlaceKind, Visit

CROSSING = "camera, session, track_id, line, ordinal, at_us, direction, road_user, final, geometry"
VISIT = "camera, session, track_id, zone, ordinal, entered_at_us, left_at_us, road_user, final, geometry"
MOVEMENT = "camera, session, track_id, movement, ordinal, entered_at_us, at_us, road_user, final, geometry"
COVERAGE = "camera, session, minute_us, observed_us, frames, dropped"
TRAJECTORY = "camera, session, track_id, started_at_us, ended_at_us, road_user, aspect, points"

PLACE_ROWS = {PlaceKind.LINE: ("crossings", "line"), PlaceKind.ZONE: ("visits", "zone")}
"""Which table has the rows of a kind of place, and which column of it has the place's id."""

Row = TypeVar("Row", Crossing, Visit, Movement)


def cameras(site: Site) -> list[dict[str, str]]:
    """The cameras of a site: id, name, and source without credentials."""
    return [{"id": camera.id, "name": camera.name, "source": camera.shown_source} for camera in site.cameras]


def geometry(site: Site) -> list[dict[str, str]]:
    """The lines, zones and movements of a site in their present version, with their definition as JSON."""
    return [
        {
            "kind": kind,
            "id": place.id,
            "version": place.version,
            "camera": camera.id,
            "definition": json.dumps(place.model_dump(mode="json", by_alias=True), sort_keys=True),
        }
        for camera in site.cameras
        for kind, place in _places(camera)
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


def _places(camera: CameraSection) -> list[tuple[str, LineSection | ZoneSection | MovementSection]]:
    return [
        *(("line", line) for line in camera.lines),
        *(("zone", zone) for zone in camera.zones),
        *(("movement", movement) for movement in camera.movements),
    ]
