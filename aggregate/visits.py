"""Who stayed in a zone, from when to when. Pure.

A visit begins where the way of the anchor meets the border inwards and ends where it meets it outwards. As on a line,
a margin keeps a box that trembles on the border from coming and going.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from aforo.geometry import contains, distance_to_border, intersection
from aforo.model import Observation, Point

MARGIN = 0.12
"""Hysteresis on each side of the border, as a share of the box's mean side."""


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
        last: the newest anchor, None before the first.
        ordinal: visits that have begun, less one while one is on.
    """

    inside: bool = False
    last: tuple[int, Point] | None = None
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

    def observe(self, state: ZoneState, observation: Observation) -> list[Stay]:
        """Take in the next position of a track; returns what began or ended."""
        box = observation.box
        point = box.centre if self.zone.anchor == "centre" else box.bottom_centre
        anchor = Point(point.x * self._aspect, point.y)
        first, previous = state.last is None, state.last
        state.last = observation.at_us, anchor
        met = [] if previous is None else self._meetings(previous, state.last)
        if met:
            state.met_at_us = met[-1]
        margin = MARGIN * (box.width * self._aspect + box.height) / 2
        inside = contains(self._polygon, anchor)
        if inside != state.inside and (first or distance_to_border(self._polygon, anchor) > margin):
            return [self._turn(state, observation.at_us)]
        if not inside and not state.inside and len(met) > 1:
            state.entered_at_us = met[0]
            passed = Stay(state.ordinal, met[0], met[-1])
            state.ordinal += 1
            return [passed]
        return []

    def end(self, state: ZoneState) -> list[Stay]:
        """The track is over: so is its visit, at its last position."""
        if not state.inside or state.last is None:
            return []
        state.met_at_us = None
        return [self._turn(state, state.last[0])]

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

    def _meetings(self, before: tuple[int, Point], after: tuple[int, Point]) -> list[int]:
        (t0, p0), (t1, p1) = before, after
        shares = (intersection(p0, p1, a, b) for a, b in itertools.pairwise((*self._polygon, self._polygon[0])))
        return sorted(round(t0 + share[0] * (t1 - t0)) for share in shares if share is not None)
