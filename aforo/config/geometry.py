"""Lines, zones and turning movements as they are written in a site file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from aforo.config.base import Direction, Identifier, Name, Section
from aforo.model import PlaceKind, Point
from aforo.site import Anchor, Gate, Line, TurningMovement, Zone

_PERCENT, _MOST = 100, 1e9

Fraction = Annotated[float, Field(ge=0.0, le=1.0, description="A fraction of the frame's width or height.")]


PointPair = tuple[Fraction, Fraction]

FRACTIONS = "fractions"
"""The kind of a problem with points that are no fractions of the picture."""


def fractions_only(raw: Any) -> Any:
    """Refuse points given in pixels or percent in one sentence; what is no list of points is left to pydantic.

    >>> fractions_only([[0.1, 0.5], [0.9, 0.5]])
    [[0.1, 0.5], [0.9, 0.5]]

    Raises:
        PydanticCustomError: a number is below 0 or above 1.
    """
    pairs = [pair for pair in raw if isinstance(pair, (list, tuple))] if isinstance(raw, (list, tuple)) else []
    numbers = [value for pair in pairs for value in pair if isinstance(value, (int, float))]
    beyond = [value for value in numbers if not 0 <= value <= 1]
    if not beyond:
        return raw
    got = max(beyond, key=abs)
    if min(numbers) < 0:
        way_out = "keep them inside the picture"
    elif got <= _PERCENT:
        way_out = "if these are percent, divide by 100; if pixels, divide x by the picture's width and y by its height"
    else:
        way_out = "divide x by the picture's width and y by its height"
    raise PydanticCustomError(
        FRACTIONS,
        "points are fractions of the picture's width and height, each should be at least 0 and less than or equal to "
        "1, got {got}: {way_out}",
        {"got": f"{got:g}" if abs(got) < _MOST else "a number beyond all pictures", "way_out": way_out},
    )


Points = Annotated[list[PointPair], BeforeValidator(fractions_only)]


class LineSection(Section):
    """A counting line: an open polyline of two or more points, with a name for each direction.

    >>> LineSection(id="stop", points=[(0.5, 0.1), (0.5, 0.9)]).domain().direction_names
    ('left', 'right')
    """

    id: Identifier = Field(description="Unique within the site.")
    name: Name = Field(default="", description="Name for people.")
    points: Points = Field(min_length=2, max_length=16, description="Fractions of the frame, in order.")
    directions: tuple[Direction, Direction] | None = Field(
        default=None,
        description="Names of the two directions: first, from the left to the right of a person who walks along the "
        "line from its first to its last point as seen in the image; second, the other way. "
        "Default: right/left when the line spans more of the picture's height than of its width, else down/up, as seen "
        "in the image.",
    )
    anchor: Anchor = Field(default="bottom_centre", description="The point of the box that has to cross.")

    _line: Line = PrivateAttr()

    @model_validator(mode="after")
    def _checked(self) -> LineSection:
        self._line = Line(self.id, points(self.points), self.directions, self.anchor, self.name)
        return self

    def domain(self) -> Line:
        """The line."""
        return self._line


class ZoneSection(Section):
    """A zone: a simple polygon in which road users are present.

    >>> ZoneSection(id="bay", polygon=[(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]).domain().polygon[2]
    Point(x=0.5, y=0.9)
    """

    id: Identifier = Field(description="Unique within the site.")
    name: Name = Field(default="", description="Name for people.")
    polygon: Points = Field(min_length=3, max_length=64, description="Corners in order, fractions of the frame.")
    anchor: Anchor = Field(default="bottom_centre", description="The point of the box that has to be inside.")

    _zone: Zone = PrivateAttr()

    @model_validator(mode="after")
    def _checked(self) -> ZoneSection:
        self._zone = Zone(self.id, points(self.polygon), self.anchor, self.name)
        return self

    def domain(self) -> Zone:
        """The zone."""
        return self._zone


class GateSection(Section):
    """One end of a turning movement: a line (perhaps in one direction only) or a zone of the same camera.

    >>> gate = GateSection(line="north", direction="in").domain()
    >>> gate.place, gate.direction
    ('north', 'in')
    """

    line: Identifier | None = Field(default=None, description="Id of a counting line.")
    direction: Direction | None = Field(default=None, description="Only this direction of the line.")
    zone: Identifier | None = Field(default=None, description="Id of a zone; passed on entry.")

    @model_validator(mode="after")
    def _one(self) -> GateSection:
        if (self.line is None) == (self.zone is None):
            raise ValueError("a gate is either a line or a zone")
        if self.zone is not None and self.direction is not None:
            raise ValueError("a zone has no direction")
        return self

    def domain(self) -> Gate:
        """The gate."""
        return (
            Gate(PlaceKind.LINE, self.line, self.direction)
            if self.line is not None
            else Gate(PlaceKind.ZONE, str(self.zone))
        )


class MovementSection(Section):
    """A turning movement: from one gate to another by the same road user.

    >>> section = {"id": "north-bay", "from": {"line": "north", "direction": "in"}, "to": {"zone": "bay"}}
    >>> MovementSection.model_validate(section).domain().destination.place
    'bay'
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    id: Identifier = Field(description="Unique within the site.")
    name: Name = Field(default="", description="Name for people, such as 'north to east'.")
    origin: GateSection = Field(alias="from", description="Entry gate.")
    destination: GateSection = Field(alias="to", description="Exit gate.")

    def domain(self) -> TurningMovement:
        """The turning movement."""
        return TurningMovement(self.id, self.origin.domain(), self.destination.domain(), self.name)


def points(pairs: list[PointPair]) -> tuple[Point, ...]:
    """Configured pairs as points.

    >>> points([(0.5, 0.1), (0.5, 0.9)])
    (Point(x=0.5, y=0.1), Point(x=0.5, y=0.9))
    """
    return tuple(Point(x, y) for x, y in pairs)
