"""Which positions of many tracks may change what is counted, found for all of them at once. Pure.

Most positions change nothing: the road user is surely on the side of the line where it was, or stays outside a zone, or
inside. Whether that is so depends on this position, the one before and the geometry alone, so a few operations on
columns tell it for thousands. What they find goes to `aggregate.crossings` and `aggregate.visits`, which decide; what
they leave out would have changed nothing there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aforo.model import Point
from aforo.observations import Flags, Floats, Ints
from aggregate.crossings import MARGIN, CountingLine
from aggregate.visits import CountingZone

_SURE = 1e-9
"""Distances that differ by less are left to the exact code: a thousand times any error of rounding."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of many tracks, column by column: track after track, each in the order of time.

    A track begins with its first position ever, or with the last one that was looked at before.

    Attributes:
        camera: (N,) number of the camera.
        aspect: (N,) width over height of its frame.
        box: (4, N) x1, y1, x2, y2 as fractions of the frame.
        first: (N,) whether the track has no earlier position.
        known: (N,) whether it was looked at before.
        inside: of each `known` position, in their order, whether a visit is on, for each zone of its camera.
    """

    camera: Ints
    aspect: Floats
    box: Floats
    first: Flags
    known: Flags
    inside: Flags


class Decisive(NamedTuple):
    """Where something may change.

    Attributes:
        rows: (M,) indices of positions.
        places: (M,) of each the place: the camera's lines from 0, then its zones.
        begun: (3, K) indices of first positions, lines and the side (+1, -1) on which the track surely begins: all
            that there is to know of these.
    """

    rows: Ints
    places: Ints
    begun: Ints


class Places:
    """The lines and zones of many cameras, which have numbers in the order given here.

    Args:
        cameras: lines and zones of each.
    """

    def __init__(self, cameras: Sequence[tuple[Sequence[CountingLine], Sequence[CountingZone]]]) -> None:
        self._lines = _Shapes([[(line.points, line.anchor) for line in lines] for lines, _ in cameras])
        self._zones = _Shapes(
            [[((*zone.polygon, zone.polygon[0]), zone.anchor) for zone in zones] for _, zones in cameras]
        )

    def decisive(self, seen: Positions) -> Decisive:
        """The positions that may change something, and where."""
        anchors = _Anchors(seen)
        at_lines, lines, begun = self._at_lines(seen, anchors)
        at_zones, zones = self._at_zones(seen, anchors)
        zones += self._lines.count[seen.camera[at_zones]]
        return Decisive(np.concatenate((at_lines, at_zones)), np.concatenate((lines, zones)), begun)

    def _at_lines(self, seen: Positions, anchors: _Anchors) -> tuple[Ints, Ints, Ints]:
        """Where the track is not surely on the same side of a line as before; and where it surely begins."""
        shapes = self._lines
        row, line = shapes.of(seen.camera)
        x, y = anchors.of(row, shapes.by_centre[line])
        aspect, clear = seen.aspect[row], anchors.margin[row] + _SURE
        ax, ay, bx, by = shapes.piece[:, shapes.first_piece[line]]
        dx, dy = (bx - ax) * aspect, by - ay
        area = dx * (y - ay) - dy * (x - ax * aspect)
        away = (area * area > clear * clear * (dx * dx + dy * dy)) & (shapes.pieces[line] == 1)
        side = np.where(away, np.sign(area), 0.0).astype(np.int64)
        rest = np.flatnonzero(~away)
        side[rest] = self._side(line[rest], aspect[rest], x[rest], y[rest], clear[rest])
        before = np.maximum(np.arange(len(row)) - shapes.count[seen.camera[row]], 0)
        first = seen.first[row] & (side != 0)
        begun = np.flatnonzero(first)
        quiet = first | seen.known[row] | (~seen.first[row] & (side != 0) & (side == side[before]))
        number = line - shapes.first[seen.camera[row]]
        return row[~quiet], number[~quiet], np.array([row[begun], number[begun], side[begun]])

    def _side(self, line: Ints, aspect: Floats, x: Floats, y: Floats, clear: Floats) -> Ints:
        """The side of a line, of any number of pieces, that points are surely on: +1 right-hand, -1 left-hand, or 0."""
        shapes = self._lines
        pair, piece = spread(shapes.pieces[line], shapes.first_piece[line])
        ax, ay, bx, by = shapes.piece[:, piece]
        dx, dy = (bx - ax) * aspect[pair], by - ay
        from_x, from_y = x[pair] - ax * aspect[pair], y[pair] - ay
        square = dx * dx + dy * dy
        height = (dx * from_y - dy * from_x) / np.sqrt(square)
        share = np.clip((from_x * dx + from_y * dy) / square, 0.0, 1.0)
        distance = np.hypot(from_x - share * dx, from_y - share * dy)
        starts = np.flatnonzero(np.diff(pair, prepend=-1))
        nearest = _reduced(np.minimum, distance, starts)
        near = distance <= nearest[pair] + _SURE  # the pieces whose side may be the one that matters
        right = _reduced(np.logical_and, ~near | (height > _SURE), starts)
        left = _reduced(np.logical_and, ~near | (height < -_SURE), starts)
        return np.where(nearest > clear, right.astype(np.int64) - left, 0)

    def _at_zones(self, seen: Positions, anchors: _Anchors) -> tuple[Ints, Ints]:
        """Where the way to a position meets the border of a zone, or a visit is on outside it, or none is inside."""
        shapes = self._zones
        row, zone = shapes.of(seen.camera)
        count = shapes.count[seen.camera[row]]
        before = np.arange(len(row)) - count
        comes = ~(seen.first | seen.known)[row]
        before[~comes] = np.flatnonzero(~comes)
        aspect = seen.aspect[row]
        x, y = anchors.of(row, shapes.by_centre[zone])
        left, top, right, bottom = shapes.bounds[:, zone]
        left, right = left * aspect, right * aspect
        x0, y0 = x[before], y[before]
        far = (
            ((x < left) & (x0 < left))
            | ((x > right) & (x0 > right))
            | ((y < top) & (y0 < top))
            | ((y > bottom) & (y0 > bottom))
        )
        near = ~far
        near[before[~far]] = True
        inside = np.zeros(len(row), bool)
        inside[near] = self._contains(zone[near], aspect[near], x[near], y[near])
        calm = far & ~inside
        near = comes & ~far
        middle_x, middle_y = (x0[near] + x[near]) / 2, (y0[near] + y[near]) / 2
        calm[near] = (self._contains(zone[near], aspect[near], middle_x, middle_y) == inside[near]) & ~self._meets(
            zone[near], aspect[near], x0[near], y0[near], x[near], y[near]
        )
        calm &= inside == inside[before]
        calm[~comes] = ~inside[~comes]
        known = seen.known[row]
        calm[known] = True
        unsettled = np.flatnonzero(known)[inside[known] != seen.inside]
        after = unsettled + count[unsettled]
        after = after[after < len(row)]
        calm[after[comes[after]]] = False
        return row[~calm], (zone - shapes.first[seen.camera[row]])[~calm]

    def _contains(self, zone: Ints, aspect: Floats, x: Floats, y: Floats) -> Flags:
        """`aforo.geometry.contains`, bit by bit."""
        shapes = self._zones
        pair, piece = spread(shapes.pieces[zone], shapes.first_piece[zone])
        ax, ay, bx, by = shapes.piece[:, piece]
        ax, bx = ax * aspect[pair], bx * aspect[pair]
        x, y = x[pair], y[pair]
        with np.errstate(all="ignore"):  # where an edge is level, it is not looked at
            left_of = x <= (bx - ax) * (y - ay) / (by - ay) + ax
        passed = ((ay >= y) != (by >= y)) & left_of
        return _reduced(np.logical_xor, passed, np.flatnonzero(np.diff(pair, prepend=-1)))

    def _meets(self, zone: Ints, aspect: Floats, x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Flags:
        """Whether the way from one point to the other meets an edge: `aforo.geometry.intersection`, bit by bit."""
        shapes = self._zones
        pair, piece = spread(shapes.pieces[zone], shapes.first_piece[zone])
        cx, cy, dx, dy = shapes.piece[:, piece]
        cx, dx = cx * aspect[pair], dx * aspect[pair]
        ax, ay, bx, by = x0[pair], y0[pair], x1[pair], y1[pair]
        sx, sy, rx, ry = dx - cx, dy - cy, bx - ax, by - ay
        met = _sides_differ(_cross(cx, cy, dx, dy, ax, ay), _cross(cx, cy, dx, dy, bx, by), sy, -sx)
        met &= _sides_differ(_cross(ax, ay, bx, by, cx, cy), _cross(ax, ay, bx, by, dx, dy), -ry, rx)
        return _reduced(np.logical_or, met, np.flatnonzero(np.diff(pair, prepend=-1)))


class _Anchors:
    """The points that count, distances true; and the margin of lines, as a distance."""

    def __init__(self, seen: Positions) -> None:
        x1, y1, x2, y2 = seen.box
        self._x, self._bottom, self._middle = (x1 + x2) / 2 * seen.aspect, y2, (y1 + y2) / 2
        self.margin = MARGIN * ((x2 - x1) * seen.aspect + (y2 - y1)) / 2

    def of(self, row: Ints, by_centre: Flags) -> tuple[Floats, Floats]:
        return self._x[row], np.where(by_centre, self._middle[row], self._bottom[row])


class _Shapes:
    """Polylines of many cameras as columns; `piece` (4, N) has their ends, `bounds` (4, N) left, top, right, bottom."""

    def __init__(self, cameras: Sequence[Sequence[tuple[tuple[Point, ...], str]]]) -> None:
        shapes = [shape for camera in cameras for shape in camera]
        self.count = np.array([len(camera) for camera in cameras], np.int64)
        self.first = np.cumsum(self.count) - self.count
        self.by_centre = np.array([anchor == "centre" for _, anchor in shapes], bool)
        self.pieces = np.array([len(points) - 1 for points, _ in shapes], np.int64)
        self.first_piece = np.cumsum(self.pieces) - self.pieces
        ends = [(*a, *b) for points, _ in shapes for a, b in itertools.pairwise(points)]
        self.piece = np.array(ends, np.float64).reshape(-1, 4).T
        bounds = [(*np.min(points, axis=0), *np.max(points, axis=0)) for points, _ in shapes]
        self.bounds = np.array(bounds, np.float64).reshape(-1, 4).T

    def of(self, camera: Ints) -> tuple[Ints, Ints]:
        """Every pair of a position and a shape of its camera: the indices of both."""
        return spread(self.count[camera], self.first[camera])


def spread(counts: Ints, firsts: Ints) -> tuple[Ints, Ints]:
    """Ranges one after another: which range each element is of, and the element.

    >>> [column.tolist() for column in spread(np.array([2, 1]), np.array([5, 8]))]
    [[0, 0, 1], [5, 6, 8]]
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) + np.repeat(firsts - (np.cumsum(counts) - counts), counts)


def _reduced(operation: np.ufunc, values: np.ndarray, starts: Ints) -> np.ndarray:
    return operation.reduceat(values, starts) if len(starts) else values[:0]


def _cross(ox: Floats, oy: Floats, ax: Floats, ay: Floats, bx: Floats, by: Floats) -> Floats:
    return (ax - ox) * (by - oy) - (ay - oy) * (bx - ox)


def _sides_differ(a: Floats, b: Floats, else_: Floats, or_else: Floats) -> Flags:
    """Whether two points lie on different sides, those on the line itself moved aside by a hair."""
    hair = np.where(else_ != 0.0, else_, or_else) > 0.0
    return np.asarray(np.where(a != 0.0, a > 0.0, hair) != np.where(b != 0.0, b > 0.0, hair), bool)
