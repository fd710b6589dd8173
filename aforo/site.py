"""What is counted, and where: the site, its cameras, and the lines, zones and turning movements in their pictures.

Plain values, whatever they were read from: a site file (`aforo.config`) is one source. A line, zone or movement has a
`version`, the fingerprint of its geometry, which every row counted with it carries. Names are
checked here, by the rules of `aforo.names`. Points are fractions of the frame, x to the right, y down.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from aforo.geometry import Pair, check_line, check_polygon, image_directions, open_polygon
from aforo.model import PlaceKind, Point
from aforo.names import check_direction, check_id, check_name

Anchor = Literal["bottom_centre", "centre"]
"""The point of a road user's box that counts."""

ENTERED = "entered"
"""The one direction of a zone."""


@dataclass(frozen=True, slots=True)
class Line:
    """A counting line: an open polyline, with a name for each direction.

    >>> line = Line("stop", (Point(0.5, 0.1), Point(0.5, 0.9)))
    >>> line.direction_names
    ('left', 'right')
    >>> line.version
    '34464a1f799f'

    Attributes:
        id: unique within the site.
        points: two or more, in order.
        directions: names of the two directions: first towards the right-hand side of a person who walks along the line
            from its first to its last point as seen in the image, then the other one; None for the default names.
        anchor: the point of the box that has to cross.
        name: for people; may be empty.
        version: changes whenever the geometry or the meaning of a direction does.

    Raises:
        ValueError: a piece of the line has no length, a name breaks its rule (`aforo.names`), or both directions have
            the same.
    """

    kind: ClassVar[PlaceKind] = PlaceKind.LINE

    id: str
    points: tuple[Point, ...]
    directions: tuple[str, str] | None = None
    anchor: Anchor = "bottom_centre"
    name: str = ""
    version: str = field(init=False)

    def __post_init__(self) -> None:
        _check_names(self.id, self.name)
        object.__setattr__(self, "points", _points(self.points))
        check_line(self.points)
        names = {check_direction(name) for name in self.directions or ()}
        if len(names) == 1:
            raise ValueError(f"both directions are called {names.pop()!r}; give two different names")
        version = _version(points=self.points, directions=self.directions, anchor=self.anchor)
        object.__setattr__(self, "version", version)

    @property
    def direction_names(self) -> tuple[str, str]:
        """The names of both directions, the defaults filled in: first towards the walker's right, then the left."""
        return self.directions or image_directions(self.points)

    def definition(self) -> dict[str, Any]:
        """The line as a JSON object, with the keys of a site file."""
        return {
            "id": self.id,
            "name": self.name,
            "points": self.points,
            "directions": self.directions,
            "anchor": self.anchor,
        }


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: a simple polygon in which road users are present.

    >>> Zone("bay", (Point(0.1, 0.1), Point(0.9, 0.1), Point(0.5, 0.9))).direction_names
    ('entered',)

    Attributes:
        id: unique within the site.
        polygon: three or more corners, in order around it; where the first is repeated as the last, that is left out.
        anchor: the point of the box that has to be inside.
        name: for people; may be empty.
        version: changes whenever the geometry does.

    Raises:
        ValueError: the polygon crosses itself, or has no area, or a name breaks its rule.
    """

    kind: ClassVar[PlaceKind] = PlaceKind.ZONE

    id: str
    polygon: tuple[Point, ...]
    anchor: Anchor = "bottom_centre"
    name: str = ""
    version: str = field(init=False)

    def __post_init__(self) -> None:
        _check_names(self.id, self.name)
        object.__setattr__(self, "polygon", _points(open_polygon(self.polygon)))
        check_polygon(self.polygon)
        object.__setattr__(self, "version", _version(polygon=self.polygon, anchor=self.anchor))

    @property
    def direction_names(self) -> tuple[str]:
        """Road users of a zone are counted when they enter it."""
        return (ENTERED,)

    def definition(self) -> dict[str, Any]:
        """The zone as a JSON object, with the keys of a site file."""
        return {"id": self.id, "name": self.name, "polygon": self.polygon, "anchor": self.anchor}


@dataclass(frozen=True, slots=True)
class Gate:
    """One end of a turning movement: a line, in one direction if named, or the entry to a zone.

    >>> Gate(PlaceKind.LINE, "north", "in").opens_for(PlaceKind.LINE, "north", "out")
    False

    Attributes:
        kind: LINE or ZONE.
        place: id of the line or zone.
        direction: of the line; None for both.

    Raises:
        ValueError: the id or direction breaks its rule.
    """

    kind: PlaceKind
    place: str
    direction: str | None = None

    def __post_init__(self) -> None:
        check_id(self.place)
        if self.direction is not None:
            check_direction(self.direction)

    def opens_for(self, kind: PlaceKind, place: str, direction: str) -> bool:
        """Whether the passage of that line or zone in that direction is one of this gate."""
        return self.kind == kind and self.place == place and self.direction in (None, direction)

    def definition(self) -> dict[str, Any]:
        """The gate as a JSON object, with the keys of a site file."""
        line, zone = (self.place, None) if self.kind == PlaceKind.LINE else (None, self.place)
        return {"line": line, "direction": self.direction, "zone": zone}


@dataclass(frozen=True, slots=True)
class TurningMovement:
    """A turning movement: from one gate to another by the same road user.

    A row of `aforo.model.Movement` says that one road user made it.

    >>> north, east = Gate(PlaceKind.LINE, "north", "in"), Gate(PlaceKind.LINE, "east", "out")
    >>> TurningMovement("north-east", north, east).definition()["from"]
    {'line': 'north', 'direction': 'in', 'zone': None}

    Attributes:
        id: unique within the site.
        origin: entry gate.
        destination: exit gate.
        name: for people; may be empty.
        version: changes whenever the gates do.

    Raises:
        ValueError: a name breaks its rule.
    """

    kind: ClassVar[PlaceKind] = PlaceKind.MOVEMENT

    id: str
    origin: Gate
    destination: Gate
    name: str = ""
    version: str = field(init=False)

    def __post_init__(self) -> None:
        _check_names(self.id, self.name)
        version = _version(origin=self.origin.definition(), destination=self.destination.definition())
        object.__setattr__(self, "version", version)

    @property
    def direction_names(self) -> tuple[str]:
        """A movement has one direction, without a name."""
        return ("",)

    def definition(self) -> dict[str, Any]:
        """The movement as a JSON object, with the keys of a site file."""
        return {
            "id": self.id,
            "name": self.name,
            "from": self.origin.definition(),
            "to": self.destination.definition(),
        }


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera and what is counted in its picture.

    >>> stop = Line("stop", (Point(0.5, 0.1), Point(0.5, 0.9)))
    >>> [place.id for place in Camera("north", lines=(stop,)).places]
    ['stop']

    Attributes:
        id: unique within the site.
        lines: counting lines.
        zones: zones.
        movements: turning movements between these lines and zones.
        name: for people; may be empty.
        shown_source: where its pictures come from, without credentials, for people.
        analyse_fps: frames analysed per second.
        is_recording: whether its pictures come from a recording, with times of its own.

    Raises:
        ValueError: a movement names a line, direction or zone that the camera does not have, or a name breaks its
            rule.
    """

    id: str
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    movements: tuple[TurningMovement, ...] = ()
    name: str = ""
    shown_source: str = ""
    analyse_fps: float = 10.0
    is_recording: bool = False

    def __post_init__(self) -> None:
        _check_names(self.id, self.name)
        gates: dict[tuple[PlaceKind, str], tuple[str, ...]] = {
            (place.kind, place.id): place.direction_names
            for place in self.places
            if not isinstance(place, TurningMovement)
        }
        for movement in self.movements:
            for gate in (movement.origin, movement.destination):
                self._check_gate(movement, gate, gates.get((gate.kind, gate.place)))

    @staticmethod
    def _check_gate(movement: TurningMovement, gate: Gate, names: tuple[str, ...] | None) -> None:
        if names is None:
            raise ValueError(
                f"movement {movement.id!r} names the {gate.kind} {gate.place!r}, which this camera does not have"
            )
        if gate.kind == PlaceKind.LINE and gate.direction not in (None, *names):
            raise ValueError(
                f"movement {movement.id!r} names the direction {gate.direction!r}; the line {gate.place!r} has "
                f"{names[0]!r} and {names[-1]!r}"
            )

    @property
    def places(self) -> tuple[Line | Zone | TurningMovement, ...]:
        """All that is counted: lines, then zones, then movements."""
        return (*self.lines, *self.zones, *self.movements)


@dataclass(frozen=True, slots=True)
class Site:
    """Cameras that belong together, in one time zone.

    >>> Site("junction", ZoneInfo("America/Bogota"), (Camera("north"), Camera("south"))).cameras[1].id
    'south'

    Attributes:
        id: short name, used in reports and file names.
        timezone: hours and days of every report are local to it.
        cameras: in the order in which they are listed.
        name: for people; may be empty.

    Raises:
        ValueError: two cameras, lines, zones or movements have the same id, or a name breaks its rule.
    """

    id: str
    timezone: ZoneInfo
    cameras: tuple[Camera, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        _check_names(self.id, self.name)
        places = [(place.kind, place.id) for camera in self.cameras for place in camera.places]
        ids = Counter([*(("camera", camera.id) for camera in self.cameras), *places])
        for kind in ("camera", *PlaceKind):
            for (what, name), times in ids.items():
                if what == kind and times > 1:
                    raise ValueError(f"the {kind} id {name!r} is used twice; ids are unique within the site")


def _check_names(identifier: str, name: str) -> None:
    check_id(identifier)
    check_name(name)


def _points(pairs: Sequence[Pair]) -> tuple[Point, ...]:
    return tuple(Point(float(x), float(y)) for x, y in pairs)


def _version(**parts: Any) -> str:
    """Fingerprint of a geometry: stored rows name it, so neither the keys nor their JSON may ever change."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
