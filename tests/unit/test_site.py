"""The domain types: sites, cameras, lines, zones, movements."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.config.geometry import LineSection, MovementSection, ZoneSection
from aforo.config.reading import parse_site
from aforo.errors import ConfigurationError
from aforo.model import PlaceKind, Point
from aforo.names import check_direction, check_id, check_name
from aforo.site import Camera, Gate, Line, Site, TurningMovement, Zone

SITE_FILE = """
site: {id: corner, name: The corner, timezone: America/Bogota}
cameras:
  - id: north
    source: rtsp://user:secret@camera/stream
    analyse_fps: 5
    lines:
      - {id: stop, points: [[0, 0.25], [1, 0.75]]}
      - {id: bent, name: North arm, points: [[0.1, 0.2], [0.5, 0.5], [0.9, 0.1]], directions: [in, out], anchor: centre}
    zones:
      - {id: bay, name: Bus bay, polygon: [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}
    movements:
      - {id: turn, name: north to bay, from: {line: bent, direction: in}, to: {zone: bay}}
      - {id: through, from: {line: stop}, to: {line: bent}}
"""
STOP = Line("stop", (Point(0, 0.25), Point(1, 0.75)))
BENT = Line("bent", (Point(0.1, 0.2), Point(0.5, 0.5), Point(0.9, 0.1)), ("in", "out"), "centre", "North arm")
BAY = Zone("bay", (Point(0.1, 0.1), Point(0.9, 0.1), Point(0.5, 0.9)), name="Bus bay")
TURN = TurningMovement("turn", Gate(PlaceKind.LINE, "bent", "in"), Gate(PlaceKind.ZONE, "bay"), "north to bay")
THROUGH = TurningMovement("through", Gate(PlaceKind.LINE, "stop"), Gate(PlaceKind.LINE, "bent"))
NORTH = Camera("north", (STOP, BENT), (BAY,), (TURN, THROUGH), shown_source="rtsp://camera", analyse_fps=5.0)
CORNER = Site("corner", ZoneInfo("America/Bogota"), (NORTH,), "The corner")

ROUND_TRIP = {
    PlaceKind.LINE: LineSection,
    PlaceKind.ZONE: ZoneSection,
    PlaceKind.MOVEMENT: MovementSection,
}


@pytest.mark.parametrize(
    ("place", "version"),
    [
        (STOP, "f5aca25d96e0"),
        (BENT, "daa36672dafe"),
        (BAY, "e700d3dbc81a"),
        (TURN, "f5d88b462dce"),
        (THROUGH, "4b97413bf0df"),
    ],
    ids=lambda value: getattr(value, "id", ""),
)
def test_versions_are_those_that_stored_rows_name(place: Line | Zone | TurningMovement, version: str) -> None:
    assert place.version == version


@pytest.mark.parametrize(
    ("place", "stored"),
    [
        (
            STOP,
            '{"anchor": "bottom_centre", "directions": null, "id": "stop", "name": "", '
            '"points": [[0.0, 0.25], [1.0, 0.75]]}',
        ),
        (
            BAY,
            '{"anchor": "bottom_centre", "id": "bay", "name": "Bus bay", '
            '"polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}',
        ),
        (
            TURN,
            '{"from": {"direction": "in", "line": "bent", "zone": null}, "id": "turn", "name": "north to bay", '
            '"to": {"direction": null, "line": null, "zone": "bay"}}',
        ),
    ],
    ids=lambda value: getattr(value, "id", ""),
)
def test_definitions_are_byte_by_byte_those_that_databases_have(
    place: Line | Zone | TurningMovement, stored: str
) -> None:
    assert json.dumps(place.definition(), sort_keys=True) == stored


def test_a_site_file_gives_the_site() -> None:
    assert parse_site(SITE_FILE, "site.yaml").domain() == CORNER


@pytest.mark.parametrize("place", NORTH.places, ids=lambda place: place.id)
def test_a_definition_read_back_from_json_gives_the_same_place(place: Line | Zone | TurningMovement) -> None:
    text = json.dumps(place.definition())
    assert ROUND_TRIP[place.kind].model_validate_json(text).domain() == place  # type: ignore[attr-defined]


def test_a_version_is_of_the_geometry_and_not_of_its_names() -> None:
    assert dataclasses.replace(STOP, id="other", name="Other").version == STOP.version
    others = [
        dataclasses.replace(STOP, points=STOP.points[::-1]),
        dataclasses.replace(STOP, directions=("in", "out")),
        dataclasses.replace(STOP, anchor="centre"),
    ]
    assert len({STOP.version, *(other.version for other in others)}) == 4


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        (STOP, "points"),
        (STOP, "version"),
        (BAY, "polygon"),
        (TURN, "origin"),
        (TURN.origin, "place"),
        (NORTH, "lines"),
        (CORNER, "cameras"),
    ],
)
def test_nothing_of_a_site_can_be_changed(value: object, attribute: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, attribute, None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Line("a", (Point(0.5, 0.5), Point(0.5, 0.5))), "the line has no length between"),
        (lambda: dataclasses.replace(STOP, directions=("in", "in")), "both directions are called 'in'"),
        (lambda: Zone("a", (Point(0, 0), Point(1, 1), Point(1, 0), Point(0, 1))), "the zone crosses itself"),
        (lambda: Camera("a", (STOP,), movements=(TURN,)), "movement 'turn' names the line 'bent', which this camera"),
        (
            lambda: Camera("a", (BENT,), movements=(TURN,)),
            "movement 'turn' names the zone 'bay', which this camera does not have",
        ),
        (
            lambda: Camera("a", (dataclasses.replace(BENT, directions=("up", "down")),), (BAY,), (TURN,)),
            "movement 'turn' names the direction 'in'; the line 'bent' has 'up' and 'down'",
        ),
        (
            lambda: dataclasses.replace(CORNER, cameras=(NORTH, Camera("south", zones=(BAY,)))),
            "the zone id 'bay' is used twice",
        ),
        (lambda: dataclasses.replace(CORNER, cameras=(NORTH, Camera("north"))), "the camera id 'north' is used twice"),
    ],
)
def test_what_cannot_count_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


BAD_IDS = ["", "a b", "a/b", "é", "-a", "a\n", "a\x00b", "../a", "a" * 65, "\u202ea", "\ud800"]
BAD_NAMES = ["a\nb", "a\x1b[2J", "a" * 201, "\u202ea", "a\u2028b", "\x85", "\ud800"]
BAD_DIRECTIONS = ["", "in/out", "in\nout", "a" * 41, "a\x00", "\u202ea"]


def refusal(make: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as caught:
        make()
    return str(caught.value)


@pytest.mark.parametrize("value", [STOP, BAY, TURN, NORTH, CORNER], ids=lambda value: type(value).__name__)
def test_every_type_checks_its_names(value: Any) -> None:
    for bad in BAD_IDS:
        assert refusal(lambda: dataclasses.replace(value, id=bad)) == refusal(lambda: check_id(bad))  # noqa: B023
    for bad in BAD_NAMES:
        assert refusal(lambda: dataclasses.replace(value, name=bad)) == refusal(lambda: check_name(bad))  # noqa: B023
    for good in ("", "a" * 200, "Calle 26 × Carrera 50", "北门 (东)", "Ø"):
        assert dataclasses.replace(value, name=good).name == good
    assert dataclasses.replace(value, id="A" * 64).id == "A" * 64


def test_directions_and_gates_are_checked_by_the_same_rules() -> None:
    for bad in BAD_DIRECTIONS:
        said = refusal(lambda: check_direction(bad))  # noqa: B023
        assert refusal(lambda: dataclasses.replace(STOP, directions=("in", bad))) == said  # noqa: B023
        assert refusal(lambda: Gate(PlaceKind.LINE, "stop", bad)) == said  # noqa: B023
    for bad in BAD_IDS:
        assert refusal(lambda: Gate(PlaceKind.ZONE, bad)) == refusal(lambda: check_id(bad))  # noqa: B023


@pytest.mark.parametrize(
    ("keys", "bad", "check"),
    [
        *(({"id": bad}, bad, check_id) for bad in BAD_IDS[1:5]),
        *(({"name": bad}, bad, check_name) for bad in ("a" * 201, "\u202ea")),
        *(({"directions": ["in", bad]}, bad, check_direction) for bad in ("in/out", "a" * 41)),
    ],
)
def test_the_site_file_refuses_names_in_the_same_words(keys: dict[str, Any], bad: str, check: Any) -> None:
    line = {"id": "stop", "points": [[0, 0.25], [1, 0.75]]} | keys
    text = json.dumps({"cameras": [{"id": "north", "source": "0", "lines": [line]}]}, ensure_ascii=False)
    said = refusal(lambda: check(bad))
    with pytest.raises(ConfigurationError) as caught:
        parse_site(text, "site.yaml")
    (key,) = keys
    assert str(caught.value).startswith(f"site.yaml, line 1: cameras.0.lines.0.{key}")
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize(
    ("passage", "opens"),
    [
        ((PlaceKind.LINE, "bent", "in"), True),
        ((PlaceKind.LINE, "bent", "out"), False),
        ((PlaceKind.ZONE, "bent", "in"), False),
    ],
)
def test_a_gate_opens_for_its_own_passages(passage: tuple[PlaceKind, str, str], opens: bool) -> None:
    assert TURN.origin.opens_for(*passage) is opens


def test_a_gate_without_a_direction_opens_for_both() -> None:
    assert THROUGH.origin.opens_for(PlaceKind.LINE, "stop", "up")
    assert THROUGH.origin.opens_for(PlaceKind.LINE, "stop", "down")


@given(st.integers(3, 12), st.integers(0, 11))
def test_a_closed_polygon_is_the_same_zone_as_the_open_one(corners: int, first: int) -> None:
    angles = [2 * math.pi * ((first + i) % corners) / corners for i in range(corners)]
    polygon = tuple(Point(0.5 + 0.4 * math.cos(angle), 0.5 + 0.4 * math.sin(angle)) for angle in angles)
    assert Zone("z", (*polygon, polygon[0])) == Zone("z", polygon)
    written = [list(point) for point in (*polygon, polygon[0])]
    assert ZoneSection.model_validate({"id": "z", "polygon": written}).domain().version == Zone("z", polygon).version
