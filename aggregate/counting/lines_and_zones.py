"""The arithmetic of counting over columns, compiled: lines, zones and simplified ways. Pure.

Who passes a line and who stays in a zone is decided here, for one position or for hundreds of thousands; what that
means is told in `aggregate.counting.lines_and_zones`, and how ways are simplified in `aggregate.counting.trajectories`.
Python and numba calculate the same, bit by bit: nothing here may depend on the order of additions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled
from aforo.site import Camera
from aforo.tracked_batch import Flags, Floats, Ints

Way = tuple[int, float, float, int, float, float]
"""Of an anchor, distances true: from when, x, y, to when, x, y."""

MARGIN = 0.12
"""Hysteresis on each side of a line or a zone's border, as a share of the box's mean side."""

END_MARGIN = 0.04
"""The margin of a line for a track that ends: it has no more time to go further."""

DEPTH = 0.5
"""The most that the margin may ask inside a zone, as a share of area over perimeter, which no zone's inradius falls
below: in a zone thinner than a road user, nobody could ever be surely inside."""

NEVER = np.iinfo(np.int64).min
"""A time that has not come."""

STATE = np.dtype([("side", "i8"), ("met_at_us", "i8"), ("odd", "i8"), ("entered_at_us", "i8"), ("ordinal", "i8")])
"""Where one track stands with respect to one place.

    side            line: +1 right-hand, -1 left-hand, 0 while undecided; zone: 1 while a visit is on
    met_at_us       when the way last met the line or border since it was last surely on that side; else `NEVER`
    odd             line: 1 if it met it an odd number of times since
    entered_at_us   zone: when the visit that is on began
    ordinal         zone: visits that have begun, less one while one is on
"""

NEW = np.array((0, NEVER, 0, 0, 0), STATE).tobytes()
"""The state of a track that begins."""


_SAME = 1e-12
"""Distances that differ by less are equal."""

_TRACK, _PLACE, _TURN, _AT, _LEFT = range(5)


class Shapes(NamedTuple):
    """The lines and zones of many cameras: the places of a camera are its lines, then its zones.

    Attributes:
        first_place: (C + 1,) of each camera.
        lines: (C,) how many of its places are lines.
        first_corner: (P + 1,) of each place.
        by_centre: (P,) whether the middle of the box counts, rather than of its lower edge.
        corner: (K, 2) x, y as fractions of the frame.
    """

    first_place: Ints
    lines: Ints
    first_corner: Ints
    by_centre: Flags
    corner: Floats


class Ways(NamedTuple):
    """Tracks, and where they were.

    Attributes:
        camera: (T,) number of the camera.
        aspect: (T,) width over height of its frame.
        first_row: (T + 1,) of its positions, those of a track in the order of time.
        known: (T,) whether the first of them was looked at before.
        at_us: (N,) event times.
        box: (N, 4) x1, y1, x2, y2 as fractions of the frame.
    """

    camera: Ints
    aspect: Floats
    first_row: Ints
    known: Flags
    at_us: Ints
    box: Floats


@compiled
def grouped(session: Ints, track_id: npt.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Rows by track.

    Args:
        session: (N,) of each row, its number from 0.
        track_id: (N,) its track.

    Returns:
        The rows, those of a track one after another in their order, the tracks as each comes first; and where each
        track begins among them, and the last one ends.
    """
    size = 8
    while size < 2 * len(session):
        size *= 2
    table = np.full(size, -1, np.int64)  # a track's first row, at its hash or behind it
    number, count = np.empty(len(session), np.int64), np.zeros(len(session) + 1, np.int64)
    tracks = 0
    for row in range(len(session)):
        mixed = (track_id[row] ^ (np.uint64(session[row]) << np.uint64(40))) * np.uint64(0x9E3779B97F4A7C15)
        at = np.int64(mixed >> np.uint64(32)) & (size - 1)
        while table[at] >= 0 and (track_id[table[at]] != track_id[row] or session[table[at]] != session[row]):
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at], number[row] = row, tracks
            tracks += 1
        else:
            number[row] = number[table[at]]
        count[number[row] + 1] += 1
    starts = np.cumsum(count[: tracks + 1])
    order, place = np.empty(len(session), np.int64), starts.copy()
    for row in range(len(session)):
        order[place[number[row]]] = row
        place[number[row]] += 1
    return order, starts


@compiled
def follow(shapes: Shapes, ways: Ways, states: npt.NDArray[np.void]) -> Ints:
    """Take in the positions of many tracks.

    Args:
        shapes: the places.
        ways: where the tracks were.
        states: where they stand, track after track, place after place; changed to where they stand then.

    Returns:
        (E, 5) what happened, track after track, in the order of positions and places: the track, the number of the
        place in its camera, and of a line the side that was come to (+1, -1), when, and 0; of a zone the ordinal of
        the visit, when it began, and when it ended or `NEVER`.
    """
    events, count, first_state = np.empty((64, 5), np.int64), 0, 0
    for track in range(len(ways.camera)):
        camera, aspect = ways.camera[track], ways.aspect[track]
        first_place, places = shapes.first_place[camera], shapes.first_place[camera + 1] - shapes.first_place[camera]
        first = ways.first_row[track]
        for row in range(first + ways.known[track], ways.first_row[track + 1]):
            begins = row == first
            before = row if begins else row - 1
            x1, y1, x2, y2 = _box(ways.box, row)
            margin = MARGIN * ((x2 - x1) * aspect + (y2 - y1)) / 2
            here = (x1 + x2) / 2 * aspect, y2, (y1 + y2) / 2
            for number in range(places):
                place, state = first_place + number, first_state + number
                corners = shapes.corner[shapes.first_corner[place] : shapes.first_corner[place + 1]]
                t0, x0, y0 = _anchor(ways, before, aspect, shapes.by_centre[place])
                way = t0, x0, y0, ways.at_us[row], here[0], here[2] if shapes.by_centre[place] else here[1]
                if number >= shapes.lines[camera]:
                    events, count = _at_zone(
                        corners, aspect, states, state, way, margin, begins, events, count, track, number
                    )
                elif _passes(corners, aspect, states, state, way, margin, begins):
                    events, count = _passed(states, state, events, count, track, number)
        first_state += places
    return events[:count]


@compiled
def end(shapes: Shapes, ways: Ways, states: npt.NDArray[np.void]) -> Ints:
    """Tracks are over: a passage that lacked only the margin counts, and every visit ends.

    Args:
        shapes: the places.
        ways: the last position of each track.
        states: where they stand; of no use after that.

    Returns:
        As `follow`.
    """
    events, count, first_state = np.empty((64, 5), np.int64), 0, 0
    for track in range(len(ways.camera)):
        camera, aspect, row = ways.camera[track], ways.aspect[track], ways.first_row[track]
        places = shapes.first_place[camera + 1] - shapes.first_place[camera]
        x1, y1, x2, y2 = _box(ways.box, row)
        margin = END_MARGIN * ((x2 - x1) * aspect + (y2 - y1)) / 2
        for number in range(places):
            place, state = shapes.first_place[camera] + number, first_state + number
            corners = shapes.corner[shapes.first_corner[place] : shapes.first_corner[place + 1]]
            at_us, x, y = _anchor(ways, row, aspect, shapes.by_centre[place])
            if number < shapes.lines[camera]:
                if _decides(corners, aspect, states, state, x, y, margin):
                    events, count = _noted(
                        events, count, track, number, states[state]["side"], states[state]["met_at_us"], 0
                    )
            elif states[state]["side"]:
                if contains(corners, aspect, x, y):
                    states[state]["met_at_us"] = NEVER
                events, count = _turned(states, state, at_us, events, count, track, number)
        first_state += places
    return events[:count]


@compiled
def _box(boxes: Floats, row: int) -> tuple[float, float, float, float]:
    return boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3]


@compiled
def _anchor(ways: Ways, row: int, aspect: float, by_centre: bool) -> tuple[int, float, float]:
    """Time and place of the point that counts, distances true."""
    x1, y1, x2, y2 = _box(ways.box, row)
    return ways.at_us[row], (x1 + x2) / 2 * aspect, (y1 + y2) / 2 if by_centre else y2


@compiled
def _noted(events: Ints, count: int, track: int, place: int, turn: int, at_us: int, left_us: int) -> tuple[Ints, int]:
    """The events with one more."""
    if count == len(events):
        more = np.empty((2 * count, 5), np.int64)
        more[:count] = events
        events = more
    events[count, _TRACK], events[count, _PLACE], events[count, _TURN] = track, place, turn
    events[count, _AT], events[count, _LEFT] = at_us, left_us
    return events, count + 1


@compiled
def _passes(
    line: Floats,
    aspect: float,
    states: npt.NDArray[np.void],
    state: int,
    way: Way,
    margin: float,
    begins: bool,
) -> bool:
    """Take in the way to a position; whether that makes a passage certain."""
    t0, x0, y0, t1, x, y = way
    if len(line) == 2 and _height(line, 0, aspect, x, y) * states[state]["side"] > margin + _SAME:  # noqa: PLR2004
        states[state]["odd"] = 0  # surely still on that side: no more than the short way to what follows
        return False
    if not begins:
        last = -1.0
        for piece in range(len(line) - 1):
            share = meeting(x0, y0, x, y, *_piece(line, piece, aspect))
            if share >= 0.0:
                states[state]["odd"] ^= 1
                last = max(last, share)
        if last >= 0.0:
            states[state]["met_at_us"] = round(t0 + last * (t1 - t0))
    return _decides(line, aspect, states, state, x, y, margin)


@compiled
def _decides(
    line: Floats, aspect: float, states: npt.NDArray[np.void], state: int, x: float, y: float, margin: float
) -> bool:
    """Whether a passage is certain at this position, whose way is taken in already."""
    side, distance = _side(line, aspect, x, y)
    odd: int = states[state]["odd"]
    if states[state]["side"] == 0 and side != 0:
        # The first look decides, however near the line: whoever appears on it and leaves it passes at most once.
        states[state]["side"] = -side if odd else side
    if distance <= margin or side == 0:  # 0: beyond one of its ends, in line with it
        return False
    states[state]["odd"] = 0
    if side == states[state]["side"]:
        return False
    states[state]["side"] = side
    return odd == 1


@compiled
def _side(line: Floats, aspect: float, x: float, y: float) -> tuple[int, float]:
    """Side of the line's nearest piece, and the distance from it.

    Beyond a joint both pieces are equally near; the one that faces the point knows its side.
    """
    best, facing = math.inf, 0.0
    for piece in range(len(line) - 1):
        distance = _distance(x, y, *_piece(line, piece, aspect))
        height = _height(line, piece, aspect, x, y)
        if distance < best - _SAME or (distance < best + _SAME and abs(height) > abs(facing)):
            best, facing = distance, height
    return int(facing > _SAME) - int(facing < -_SAME), best


@compiled
def _piece(line: Floats, piece: int, aspect: float) -> tuple[float, float, float, float]:
    return line[piece, 0] * aspect, line[piece, 1], line[piece + 1, 0] * aspect, line[piece + 1, 1]


@compiled
def _height(line: Floats, piece: int, aspect: float, x: float, y: float) -> float:
    """How far a point is from the straight on which a piece lies; positive at the right hand of who walks along it."""
    ax, ay, bx, by = _piece(line, piece, aspect)
    dx, dy = bx - ax, by - ay
    return (dx * (y - ay) - dy * (x - ax)) / math.sqrt(dx * dx + dy * dy)


@compiled
def _distance(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Distance from a point to the nearest point of a segment."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    share = 0.0 if square == 0.0 else max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / square))
    from_x, from_y = x - ax - share * dx, y - ay - share * dy
    return math.sqrt(from_x * from_x + from_y * from_y)


@compiled
def meeting(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> float:
    """The share (0..1) of the path a-b at which it meets the segment c-d, or -1: as `aforo.geometry.intersection`."""
    sx, sy = dx - cx, dy - cy
    from_a, from_b = sx * (ay - cy) - sy * (ax - cx), sx * (by - cy) - sy * (bx - cx)
    if _is_right(from_a, sy, -sx) == _is_right(from_b, sy, -sx):
        return -1.0
    rx, ry = bx - ax, by - ay
    from_c, from_d = rx * (cy - ay) - ry * (cx - ax), rx * (dy - ay) - ry * (dx - ax)
    if _is_right(from_c, -ry, rx) == _is_right(from_d, -ry, rx):
        return -1.0
    return from_a / (from_a - from_b)


@compiled
def _is_right(side: float, else_: float, or_else: float) -> bool:
    """On which side a point lies; if on the line itself, after moving it by a hair."""
    if side != 0.0:
        return side > 0.0
    return else_ > 0.0 if else_ != 0.0 else or_else > 0.0


@compiled
def contains(polygon: Floats, aspect: float, x: float, y: float) -> bool:
    """Whether the polygon contains the point: as `aforo.geometry.contains`."""
    inside = False
    last = len(polygon) - 1
    x1, y1 = polygon[last, 0] * aspect, polygon[last, 1]
    for corner in range(len(polygon)):
        x2, y2 = polygon[corner, 0] * aspect, polygon[corner, 1]
        if (y1 >= y) != (y2 >= y) and x <= (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        x1, y1 = x2, y2
    return inside


@compiled
def _edge(polygon: Floats, edge: int, aspect: float) -> tuple[float, float, float, float]:
    to = edge + 1 if edge + 1 < len(polygon) else 0
    return polygon[edge, 0] * aspect, polygon[edge, 1], polygon[to, 0] * aspect, polygon[to, 1]


@compiled
def _at_zone(
    zone: Floats,
    aspect: float,
    states: npt.NDArray[np.void],
    state: int,
    way: Way,
    margin: float,
    begins: bool,
    events: Ints,
    count: int,
    track: int,
    place: int,
) -> tuple[Ints, int]:
    """Take in the way to a position: piece by piece, from one meeting with the border to the next."""
    t0, x0, y0, t1, x1, y1 = way
    if begins:
        if contains(zone, aspect, x1, y1):
            events, count = _turned(states, state, t1, events, count, track, place)
        return events, count
    if not states[state]["side"] and _passes_by(zone, aspect, x0, y0, x1, y1):
        return events, count
    here_t, here_x, here_y = t0, x0, y0
    share, edge = -1.0, -1
    while True:
        share, edge = _next_meeting(zone, aspect, x0, y0, x1, y1, share, edge)
        if edge < 0:
            break
        there_t = round(t0 + share * (t1 - t0))
        there_x, there_y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        if _is_surely(not states[state]["side"], zone, aspect, (here_x + there_x) / 2, (here_y + there_y) / 2, margin):
            events, count = _turned(states, state, (here_t + there_t) // 2, events, count, track, place)
        states[state]["met_at_us"] = there_t
        here_t, here_x, here_y = there_t, there_x, there_y
    if _is_surely(not states[state]["side"], zone, aspect, (here_x + x1) / 2, (here_y + y1) / 2, margin):
        events, count = _turned(states, state, (here_t + t1) // 2, events, count, track, place)
    if _is_surely(not states[state]["side"], zone, aspect, x1, y1, margin):
        events, count = _turned(states, state, t1, events, count, track, place)
    return events, count


@compiled
def _passes_by(zone: Floats, aspect: float, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the way from a to b is all on one side of the zone's bounding box: it meets nothing there."""
    left, right, top, bottom = math.inf, -math.inf, math.inf, -math.inf
    for corner in range(len(zone)):
        x, y = zone[corner, 0] * aspect, zone[corner, 1]
        left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
    return (
        (ax < left and bx < left)
        or (ax > right and bx > right)
        or (ay < top and by < top)
        or (ay > bottom and by > bottom)
    )


@compiled
def _next_meeting(
    zone: Floats, aspect: float, x0: float, y0: float, x1: float, y1: float, after: float, after_edge: int
) -> tuple[float, int]:
    """The next meeting of a way with the border behind that one, by its share of the way: that and the edge, or -1."""
    best, best_edge = math.inf, -1
    for edge in range(len(zone)):
        share = meeting(x0, y0, x1, y1, *_edge(zone, edge, aspect))
        behind = share > after or (share == after and edge > after_edge)
        if share >= 0.0 and behind and share < best:
            best, best_edge = share, edge
    return best, best_edge


@compiled
def _is_surely(inside: bool, zone: Floats, aspect: float, x: float, y: float, margin: float) -> bool:
    if contains(zone, aspect, x, y) != inside:
        return False
    nearest, area, perimeter = math.inf, 0.0, 0.0
    for edge in range(len(zone)):
        ax, ay, bx, by = _edge(zone, edge, aspect)
        nearest = min(nearest, _distance(x, y, ax, ay, bx, by))
        area += ax * by - bx * ay
        perimeter += math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))
    wanted: float = min(margin, DEPTH * (abs(area) / 2) / perimeter) if inside else margin
    return nearest > wanted


@compiled
def _passed(
    states: npt.NDArray[np.void], state: int, events: Ints, count: int, track: int, place: int
) -> tuple[Ints, int]:
    """Tell a passage: to which side, when the way met the line last."""
    return _noted(events, count, track, place, states[state]["side"], states[state]["met_at_us"], 0)


@compiled
def _turned(
    states: npt.NDArray[np.void], state: int, at_us: int, events: Ints, count: int, track: int, place: int
) -> tuple[Ints, int]:
    """Begin or end the visit, at the last time the way met the border if it did."""
    when = at_us if states[state]["met_at_us"] == NEVER else states[state]["met_at_us"]
    states[state]["met_at_us"] = NEVER
    ordinal = states[state]["ordinal"]
    if states[state]["side"]:
        entered_at_us = states[state]["entered_at_us"]
        states[state]["side"], states[state]["ordinal"] = 0, ordinal + 1
        return _noted(events, count, track, place, ordinal, entered_at_us, max(when, entered_at_us))
    states[state]["side"], states[state]["entered_at_us"] = 1, when
    return _noted(events, count, track, place, ordinal, when, NEVER)


def shapes(cameras: Sequence[Camera]) -> Shapes:
    """The lines and zones of many cameras, which have numbers in the order given here, as columns."""
    places = [
        place
        for camera in cameras
        for place in (
            *((line.points, line.anchor) for line in camera.lines),
            *((zone.polygon, zone.anchor) for zone in camera.zones),
        )
    ]
    return Shapes(
        first_place=_firsts([len(camera.lines) + len(camera.zones) for camera in cameras]),
        lines=np.array([len(camera.lines) for camera in cameras], np.int64),
        first_corner=_firsts([len(points) for points, _ in places]),
        by_centre=np.array([anchor == "centre" for _, anchor in places], np.bool_),
        corner=np.array([point for points, _ in places for point in points], np.float64).reshape(-1, 2),
    )


def _firsts(counts: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([*itertools.accumulate(counts, initial=0)], np.int64)
