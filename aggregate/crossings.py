"""Who passed a counting line, when, in which direction. Pure.

A track crosses when its anchor has come to the other side of the line by more than a margin, on a way that met the
line itself. The margin grows with the road user's box, so that a box that trembles on the line counts nothing, while
somebody who really comes back counts again. What matters is the way between two observations, not where they lie, so
that nobody jumps over a line between two frames.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from aforo.geometry import cross, distance_to_segment, intersection
from aforo.model import Box, Observation, Point

MARGIN = 0.12
"""Hysteresis on each side of the line, as a share of the box's mean side."""

END_MARGIN = 0.04
"""The margin for a track that ends: it has no more time to go further."""

_LONGEST_WAY = 512

_SAME = 1e-12
"""Distances that differ by less are equal."""


@dataclass(frozen=True, slots=True)
class CountingLine:
    """A line as the counting needs it.

    Attributes:
        points: two or more, fractions of the frame.
        directions: names of the two directions: towards the right-hand side of who walks along the line, and back.
        aspect: width over height of the frame, so that distances are true.
    """

    id: str
    points: tuple[Point, ...]
    directions: tuple[str, str]
    anchor: str
    version: str


@dataclass(slots=True)
class LineState:
    """Where one track stands with respect to one line.

    Attributes:
        side: +1 right-hand, -1 left-hand, 0 while undecided.
        way: anchors since the track was last surely on that side; empty while its newest position is.
    """

    side: int = 0
    way: list[tuple[int, Point]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Passage:
    """One track passing the line once: when, and whether towards the right-hand side."""

    at_us: int
    to_right: bool


class LineCounter:
    """Finds passages over one line; keeps nothing but the state that is handed in.

    Args:
        line: the counting line.
        aspect: width over height of the frame.
    """

    def __init__(self, line: CountingLine, aspect: float) -> None:
        self.line = line
        self._aspect = aspect
        scaled = (Point(point.x * aspect, point.y) for point in line.points)
        self._pieces = [(a, b, math.dist(a, b)) for a, b in itertools.pairwise(scaled)]
        self._by_centre = line.anchor == "centre"

    def observe(self, state: LineState, before: Observation | None, now: Observation) -> Passage | None:
        """Take in the next position of a track.

        Args:
            state: of this track at this line.
            before: its position before; None when `now` is its first.
            now: the position.

        Returns:
            The passage, when this position makes it certain.
        """
        anchor = self._anchor(now.box)
        margin = MARGIN * self._mean_side(now.box)
        if len(self._pieces) == 1 and self._is_far(state.side, anchor, margin):
            state.way.clear()
            return None
        if not state.way and before is not None:
            state.way.append((before.at_us, self._anchor(before.box)))
        state.way.append((now.at_us, anchor))
        if len(state.way) > _LONGEST_WAY:
            del state.way[1 : _LONGEST_WAY // 2]
        return self._decide(state, margin)

    def _is_far(self, side: int, anchor: Point, margin: float) -> bool:
        """Whether the anchor is surely still on that side, for a line of one piece: what most positions are.

        No more than the short way to what `_decide` would find: the distance from a piece is at least the height.
        """
        ((a, b, length),) = self._pieces
        height = cross(a, b, anchor) / length
        return height * side > margin + _SAME

    def end(self, state: LineState, last: Observation) -> Passage | None:
        """The track is over: a passage that lacked only the margin counts."""
        return self._decide(state, END_MARGIN * self._mean_side(last.box)) if state.way else None

    def _decide(self, state: LineState, margin: float) -> Passage | None:
        _, anchor = state.way[-1]
        side, distance = self._side(anchor)
        if state.side == 0 and side != 0:
            # The first look decides, however near the line: whoever appears on it and leaves it passes at most once.
            state.side = side if len(self._meetings(state.way)) % 2 == 0 else -side
        if distance <= margin or side == 0:  # 0: beyond one of its ends, in line with it
            return None
        way, state.way = state.way, []
        if side == state.side:
            return None
        met = self._meetings(way)
        state.side = side
        if len(met) % 2 == 0:
            return None
        return Passage(met[-1], to_right=side > 0)

    def _side(self, anchor: Point) -> tuple[int, float]:
        """Side of the line's nearest piece, and the distance from it.

        Beyond a joint both pieces are equally near; the one that faces the anchor knows its side.
        """
        best, facing = math.inf, 0.0
        for a, b, length in self._pieces:
            distance = distance_to_segment(anchor, a, b)
            height = cross(a, b, anchor) / length
            if distance < best - _SAME or (distance < best + _SAME and abs(height) > abs(facing)):
                best, facing = distance, height
        return (facing > _SAME) - (facing < -_SAME), best

    def _meetings(self, way: list[tuple[int, Point]]) -> list[int]:
        """Times at which the way met the line."""
        met: list[int] = []
        for (t0, p0), (t1, p1) in itertools.pairwise(way):
            shares = [shares[0] for a, b, _ in self._pieces if (shares := intersection(p0, p1, a, b)) is not None]
            met += [round(t0 + share * (t1 - t0)) for share in sorted(shares)]
        return met

    def _anchor(self, box: Box) -> Point:
        x1, y1, x2, y2 = box
        return Point((x1 + x2) / 2 * self._aspect, (y1 + y2) / 2 if self._by_centre else y2)

    def _mean_side(self, box: Box) -> float:
        x1, y1, x2, y2 = box
        return ((x2 - x1) * self._aspect + (y2 - y1)) / 2
