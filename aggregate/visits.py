"""Who stayed in a zone, from when to when. Pure.

A visit begins where the way of the anchor meets the border inwards and ends where it meets it outwards. As on a line,
a margin keeps a box that trembles on the border from coming and going. Between two observations the anchor is taken to
have gone straight, so that nobody jumps over a thin zone.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from aforo.geometry import contains, distance_to_border, intersection
from aforo.model import Observation, Point

MARGIN = 0.12
"""Hysteresis on each side of the border, as a share of the box's mean side."""

DEPTH = 0.5
"""The most that the margin may ask inside, as a share of area over perimeter, which no zone's inradius falls below:
in a zone thinner than a road user, nobody could ever be surely inside."""


@dataclass(frozen=True, slots=True)
class CountingZone:
    """A zone as the counting needs it: a simple polygon in fractions of the frame."""

    id: str
    polygon: tuple[Point, ...]
    anchor: str
    version: str


@dataclass(slots=True)
class ZoneState:
    """Where one track stands with respect to one zone.

    Attributes:
        inside: whether the visit is on.
        met_at_us: when the way last met the border, None since the visit has begun or ended.
        ordinal: visits that have begun, less one while one is on.
    """

    inside: bool = False
    met_at_us: int | None = None
    entered_at_us: int = 0
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class Stay:
    """A visit that has begun, or has ended (`left_at_us` given)."""

    ordinal: int
    entered_at_us: int
    left_at_us: int | None


class ZoneWatcher:
    """Finds visits to one zone; keeps nothing but the state that is handed in.

    Args:
        zone: the zone.
        aspect: width over height of the frame.
    """

    def __init__(self, zone: CountingZone, aspect: float) -> None:
        self.zone = zone
        self._aspect = aspect
        self._polygon = tuple(Point(corner.x * aspect, corner.y) for corner in zone.polygon)
        self._borders = tuple(itertools.pairwise((*self._polygon, self._polygon[0])))
        area = abs(sum(a.x * b.y - b.x * a.y for a, b in self._borders)) / 2
        self._deepest_margin = DEPTH * area / sum(math.dist(a, b) for a, b in self._borders)
        xs, ys = [corner.x for corner in self._polygon], [corner.y for corner in self._polygon]
        self._left, self._right, self._top, self._bottom = min(xs), max(xs), min(ys), max(ys)
        self._by_centre = zone.anchor == "centre"

    def observe(self, state: ZoneState, before: Observation | None, now: Observation) -> list[Stay]:
        """Take in the next position of a track.

        Args:
            state: of this track at this zone.
            before: its position before; None when `now` is its first.
            now: the position.

        Returns:
            What began or ended.
        """
        after = self._anchor(now)
        if before is None:
            return [self._turn(state, now.at_us)] if contains(self._polygon, after[1]) else []
        here = self._anchor(before)
        if not state.inside and self._passes_by(here[1], after[1]):
            return []
        x1, y1, x2, y2 = now.box
        margin = MARGIN * ((x2 - x1) * self._aspect + (y2 - y1)) / 2
        stays: list[Stay] = []
        for there in (*self._meetings(here, after), after):
            (x1, y1), (x2, y2) = here[1], there[1]
            if self._is_surely(not state.inside, Point((x1 + x2) / 2, (y1 + y2) / 2), margin):
                stays.append(self._turn(state, (here[0] + there[0]) // 2))
            if there is not after:
                state.met_at_us = there[0]
            elif self._is_surely(not state.inside, after[1], margin):
                stays.append(self._turn(state, after[0]))
            here = there
        return stays

    def is_settled(self, state: ZoneState, last: Observation) -> bool:
        """Whether the visit is on just when the track is inside: not while it has yet to clear the margin."""
        return contains(self._polygon, self._anchor(last)[1]) == state.inside

    def end(self, state: ZoneState, last: Observation) -> list[Stay]:
        """The track is over: so is its visit, at its last position, or where it left if it went no further."""
        if not state.inside:
            return []
        at_us, anchor = self._anchor(last)
        if contains(self._polygon, anchor):
            state.met_at_us = None
        return [self._turn(state, at_us)]

    def _anchor(self, observation: Observation) -> tuple[int, Point]:
        x1, y1, x2, y2 = observation.box
        return observation.at_us, Point((x1 + x2) / 2 * self._aspect, (y1 + y2) / 2 if self._by_centre else y2)

    def _passes_by(self, a: Point, b: Point) -> bool:
        """Whether the way from a to b is all on one side of the zone's bounding box: it meets nothing there."""
        return (
            (a.x < self._left and b.x < self._left)
            or (a.x > self._right and b.x > self._right)
            or (a.y < self._top and b.y < self._top)
            or (a.y > self._bottom and b.y > self._bottom)
        )

    def _is_surely(self, inside: bool, anchor: Point, margin: float) -> bool:
        if contains(self._polygon, anchor) != inside:
            return False
        return distance_to_border(self._polygon, anchor) > (min(margin, self._deepest_margin) if inside else margin)

    @staticmethod
    def _turn(state: ZoneState, at_us: int) -> Stay:
        """Begin or end the visit, at the last time the way met the border if it did."""
        when = at_us if state.met_at_us is None else state.met_at_us
        state.met_at_us = None
        state.inside = not state.inside
        if state.inside:
            state.entered_at_us = when
            return Stay(state.ordinal, when, None)
        stay = Stay(state.ordinal, state.entered_at_us, max(when, state.entered_at_us))
        state.ordinal += 1
        return stay

    def _meetings(self, before: tuple[int, Point], after: tuple[int, Point]) -> list[tuple[int, Point]]:
        """When and where a straight way meets the border, in order."""
        (t0, p0), (t1, p1) = before, after
        shares = sorted(met[0] for a, b in self._borders if (met := intersection(p0, p1, a, b)) is not None)
        return [
            (round(t0 + share * (t1 - t0)), Point(p0.x + share * (p1.x - p0.x), p0.y + share * (p1.y - p0.y)))
            for share in shares
        ]
