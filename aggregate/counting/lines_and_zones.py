"""Crossings of lines and visits to zones, decided for columns of positions. Compiled, pure.

A track crosses a line when its anchor moves from clearly on one side to clearly on the other, and is inside a zone from
clearly inside to clearly outside; "clearly" is a margin that grows with the box (hysteresis). Distances are in heights
of the frame: x is multiplied by the frame's width over height. Python and numba compute the same, bit by bit: nothing
here may depend on the order of additions.
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

AnchorStep = tuple[int, float, float, int, float, float]
"""The motion of an anchor from one position to the next: time (µs), x, y before; time (µs), x, y after."""

MARGIN = 0.12
"""Hysteresis on each side of a line or of a zone's border, as a share of the box's mean side."""

END_MARGIN = 0.04
"""The margin of a line for a track that ends."""

DEPTH = 0.5
"""Largest margin inside a zone, as a share of its area over its perimeter, which is never more than its inradius: else
no position could be clearly inside a zone that is thinner than a road user."""

NEVER = np.iinfo(np.int64).min
"""Stands for no time."""

STATE = np.dtype([("side", "i8"), ("met_at_us", "i8"), ("odd", "i8"), ("entered_at_us", "i8"), ("ordinal", "i8")])
"""The state of one track at one line or zone.

    side            line: +1 right-hand, -1 left-hand, 0 if undecided; zone: 1 during a visit
    met_at_us       time of the last intersection with the line or border since the track was clearly on `side`, else
                    `NEVER`
    odd             line: 1 after an odd number of intersections since then
    entered_at_us   zone: start of the present visit
    ordinal         zone: number of visits that have ended
"""

NEW = np.array((0, NEVER, 0, 0, 0), STATE).tobytes()
"""The state of a new track."""


_SAME = 1e-12
"""Distances that differ by less are taken as equal."""

_TRACK, _PLACE, _NUMBER, _AT, _LEFT = range(5)


class Shapes(NamedTuple):
    """Lines and zones of C cameras as columns: a camera's P places are its lines, then its zones.

    Attributes:
        first_place: (C + 1,) index of each camera's first place, and the end.
        lines: (C,) number of lines among its places.
        first_corner: (P + 1,) index of each place's first corner, and the end.
        by_centre: (P,) whether the anchor is the centre of the box; else the middle of its lower edge.
        corner: (K, 2) x, y, fractions of the frame.
    """

    first_place: Ints
    lines: Ints
    first_corner: Ints
    by_centre: Flags
    corner: Floats


class PositionColumns(NamedTuple):
    """The positions of T tracks as columns, N in all; those of a track in order of time.

    Attributes:
        camera: (T,) number of the camera in `Shapes`.
        aspect: (T,) width over height of its frame.
        first_row: (T + 1,) index of each track's first position, and the end.
        known: (T,) whether its first position was already processed.
        at_us: (N,) event times.
        box: (N, 4) x1, y1, x2, y2, fractions of the frame.
    """

    camera: Ints
    aspect: Floats
    first_row: Ints
    known: Flags
    at_us: Ints
    box: Floats


@compiled
def grouped(session: Ints, track_id: npt.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Group rows by track, in order of first appearance.

    Args:
        session: (N,) number of each row's session, from 0.
        track_id: (N,) id of its track within the session.

    Returns:
        (N,) the rows, those of a track together and in their order; (T + 1,) start of each track among them, and the
        end.
    """
    size = 8
    while size < 2 * len(session):
        size *= 2
    table = np.full(size, -1, np.int64)  # hash table with open addressing: the first row of each track
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
def follow(shapes: Shapes, tracks: PositionColumns, states: npt.NDArray[np.void]) -> Ints:
    """Process new positions of many tracks.

    Args:
        shapes: lines and zones of all cameras.
        tracks: their positions.
        states: `STATE` of each track at each of its camera's places, track by track; updated in place.

    Returns:
        (E, 5) events, in order of tracks, positions and places: index of the track, number of the place in its camera,
        and for a crossing the side reached (+1 right, -1 left), its time, and 0; for a visit its ordinal, its start,
        and its end or `NEVER`.
    """
    events, count, first_state = np.empty((64, 5), np.int64), 0, 0
    for track in range(len(tracks.camera)):
        camera, aspect = tracks.camera[track], tracks.aspect[track]
        first_place, places = shapes.first_place[camera], shapes.first_place[camera + 1] - shapes.first_place[camera]
        first = tracks.first_row[track]
        for row in range(first + tracks.known[track], tracks.first_row[track + 1]):
            begins = row == first
            before = row if begins else row - 1
            x1, y1, x2, y2 = corners_at(tracks.box, row)
            margin = MARGIN * ((x2 - x1) * aspect + (y2 - y1)) / 2
            here = (x1 + x2) / 2 * aspect, y2, (y1 + y2) / 2
            for number in range(places):
                place, state = first_place + number, first_state + number
                corners = shapes.corner[shapes.first_corner[place] : shapes.first_corner[place + 1]]
                t0, x0, y0 = _anchor(tracks, before, aspect, shapes.by_centre[place])
                step = t0, x0, y0, tracks.at_us[row], here[0], here[2] if shapes.by_centre[place] else here[1]
                if number >= shapes.lines[camera]:
                    events, count = _observe_zone(
                        corners, aspect, states, state, step, margin, begins, events, count, track, number
                    )
                elif _observe_line(corners, aspect, states, state, step, margin, begins):
                    events, count = _append_crossing(states, state, events, count, track, number)
        first_state += places
    return events[:count]


@compiled
def end(shapes: Shapes, tracks: PositionColumns, states: npt.NDArray[np.void]) -> Ints:
    """Process the end of tracks: a crossing that lacked only the margin counts, and every visit ends.

    Args:
        shapes: lines and zones of all cameras.
        tracks: the last position of each track.
        states: `STATE` of each track at each place; not valid afterwards.

    Returns:
        As `follow`.
    """
    events, count, first_state = np.empty((64, 5), np.int64), 0, 0
    for track in range(len(tracks.camera)):
        camera, aspect, row = tracks.camera[track], tracks.aspect[track], tracks.first_row[track]
        places = shapes.first_place[camera + 1] - shapes.first_place[camera]
        x1, y1, x2, y2 = corners_at(tracks.box, row)
        margin = END_MARGIN * ((x2 - x1) * aspect + (y2 - y1)) / 2
        for number in range(places):
            place, state = shapes.first_place[camera] + number, first_state + number
            corners = shapes.corner[shapes.first_corner[place] : shapes.first_corner[place + 1]]
            at_us, x, y = _anchor(tracks, row, aspect, shapes.by_centre[place])
            if number < shapes.lines[camera]:
                if _is_crossing_certain(corners, aspect, states, state, x, y, margin):
                    events, count = _append_event(
                        events, count, track, number, states[state]["side"], states[state]["met_at_us"], 0
                    )
            elif states[state]["side"]:
                if contains(corners, aspect, x, y):
                    states[state]["met_at_us"] = NEVER
                events, count = _toggle_visit(states, state, at_us, events, count, track, number)
        first_state += places
    return events[:count]


@compiled
def corners_at(boxes: Floats, row: int) -> tuple[float, float, float, float]:
    """One row of boxes (N, 4): x1, y1, x2, y2."""
    return boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3]


@compiled
def _anchor(tracks: PositionColumns, row: int, aspect: float, by_centre: bool) -> tuple[int, float, float]:
    """Time (µs), x and y of the anchor of a position, in heights of the frame."""
    x1, y1, x2, y2 = corners_at(tracks.box, row)
    return tracks.at_us[row], (x1 + x2) / 2 * aspect, (y1 + y2) / 2 if by_centre else y2


@compiled
def _append_event(
    events: Ints, count: int, track: int, place: int, turn: int, at_us: int, left_us: int
) -> tuple[Ints, int]:
    """Append an event; returns the array, which may have grown, and the number of events."""
    if count == len(events):
        more = np.empty((2 * count, 5), np.int64)
        more[:count] = events
        events = more
    events[count, _TRACK], events[count, _PLACE], events[count, _NUMBER] = track, place, turn
    events[count, _AT], events[count, _LEFT] = at_us, left_us
    return events, count + 1


@compiled
def _observe_line(
    line: Floats,
    aspect: float,
    states: npt.NDArray[np.void],
    state: int,
    step: AnchorStep,
    margin: float,
    begins: bool,
) -> bool:
    """Process a step of the anchor at a line; returns whether a crossing is certain now."""
    t0, x0, y0, t1, x, y = step
    if len(line) == 2 and _signed_distance(line, 0, aspect, x, y) * states[state]["side"] > margin + _SAME:  # noqa: PLR2004
        states[state]["odd"] = 0  # clearly on the same side as before
        return False
    if not begins:
        last = -1.0
        for piece in range(len(line) - 1):
            share = intersection_share(x0, y0, x, y, *_segment(line, piece, aspect))
            if share >= 0.0:
                states[state]["odd"] ^= 1
                last = max(last, share)
        if last >= 0.0:
            states[state]["met_at_us"] = round(t0 + last * (t1 - t0))
    return _is_crossing_certain(line, aspect, states, state, x, y, margin)


@compiled
def _is_crossing_certain(
    line: Floats, aspect: float, states: npt.NDArray[np.void], state: int, x: float, y: float, margin: float
) -> bool:
    """Whether a crossing is certain at a position, after its step was processed."""
    side, distance = _side(line, aspect, x, y)
    odd: int = states[state]["odd"]
    if states[state]["side"] == 0 and side != 0:
        # The first position decides, however near the line: a track that starts on the line crosses at most once.
        states[state]["side"] = -side if odd else side
    if distance <= margin or side == 0:  # 0: beyond an end, in its extension
        return False
    states[state]["odd"] = 0
    if side == states[state]["side"]:
        return False
    states[state]["side"] = side
    return odd == 1


@compiled
def _side(line: Floats, aspect: float, x: float, y: float) -> tuple[int, float]:
    """Side of the nearest segment of a line (+1 right, -1 left, 0 on it), and the distance from it.

    Near a joint both segments may be equally near; then the one with the larger perpendicular distance decides.
    """
    best, facing = math.inf, 0.0
    for piece in range(len(line) - 1):
        distance = _distance(x, y, *_segment(line, piece, aspect))
        signed = _signed_distance(line, piece, aspect, x, y)
        if distance < best - _SAME or (distance < best + _SAME and abs(signed) > abs(facing)):
            best, facing = distance, signed
    return int(facing > _SAME) - int(facing < -_SAME), best


@compiled
def _segment(line: Floats, piece: int, aspect: float) -> tuple[float, float, float, float]:
    return line[piece, 0] * aspect, line[piece, 1], line[piece + 1, 0] * aspect, line[piece + 1, 1]


@compiled
def _signed_distance(line: Floats, piece: int, aspect: float, x: float, y: float) -> float:
    """Distance of a point from the straight through a segment; positive on the right-hand side in its direction."""
    ax, ay, bx, by = _segment(line, piece, aspect)
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
def intersection_share(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> float:
    """The share (0..1) of the step a-b at its intersection with the segment c-d, or -1.

    The same as `aforo.geometry.intersection`.
    """
    sx, sy = dx - cx, dy - cy
    from_a, from_b = sx * (ay - cy) - sy * (ax - cx), sx * (by - cy) - sy * (bx - cx)
    if _is_on_right(from_a, sy, -sx) == _is_on_right(from_b, sy, -sx):
        return -1.0
    rx, ry = bx - ax, by - ay
    from_c, from_d = rx * (cy - ay) - ry * (cx - ax), rx * (dy - ay) - ry * (dx - ax)
    if _is_on_right(from_c, -ry, rx) == _is_on_right(from_d, -ry, rx):
        return -1.0
    return from_a / (from_a - from_b)


@compiled
def _is_on_right(side: float, else_: float, or_else: float) -> bool:
    """Whether a point is on the right-hand side; a point on the line itself as if it were moved a little."""
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
def _observe_zone(
    zone: Floats,
    aspect: float,
    states: npt.NDArray[np.void],
    state: int,
    step: AnchorStep,
    margin: float,
    begins: bool,
    events: Ints,
    count: int,
    track: int,
    place: int,
) -> tuple[Ints, int]:
    """Process a step of the anchor at a zone: part by part, from one intersection with the border to the next."""
    t0, x0, y0, t1, x1, y1 = step
    if begins:
        if contains(zone, aspect, x1, y1):
            events, count = _toggle_visit(states, state, t1, events, count, track, place)
        return events, count
    if not states[state]["side"] and _misses_bounding_box(zone, aspect, x0, y0, x1, y1):
        return events, count
    here_t, here_x, here_y = t0, x0, y0
    share, edge = -1.0, -1
    while True:
        share, edge = _next_intersection(zone, aspect, x0, y0, x1, y1, share, edge)
        if edge < 0:
            break
        there_t = round(t0 + share * (t1 - t0))
        there_x, there_y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        if _is_clearly(not states[state]["side"], zone, aspect, (here_x + there_x) / 2, (here_y + there_y) / 2, margin):
            events, count = _toggle_visit(states, state, (here_t + there_t) // 2, events, count, track, place)
        states[state]["met_at_us"] = there_t
        here_t, here_x, here_y = there_t, there_x, there_y
    if _is_clearly(not states[state]["side"], zone, aspect, (here_x + x1) / 2, (here_y + y1) / 2, margin):
        events, count = _toggle_visit(states, state, (here_t + t1) // 2, events, count, track, place)
    if _is_clearly(not states[state]["side"], zone, aspect, x1, y1, margin):
        events, count = _toggle_visit(states, state, t1, events, count, track, place)
    return events, count


@compiled
def _misses_bounding_box(zone: Floats, aspect: float, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the step a-b is all on one side of the zone's bounding box, so that it cannot intersect the border."""
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
def _next_intersection(
    zone: Floats, aspect: float, x0: float, y0: float, x1: float, y1: float, after: float, after_edge: int
) -> tuple[float, int]:
    """The next intersection of a step with the border after a given one: its share of the step, and the edge or -1."""
    best, best_edge = math.inf, -1
    for edge in range(len(zone)):
        share = intersection_share(x0, y0, x1, y1, *_edge(zone, edge, aspect))
        behind = share > after or (share == after and edge > after_edge)
        if share >= 0.0 and behind and share < best:
            best, best_edge = share, edge
    return best, best_edge


@compiled
def _is_clearly(inside: bool, zone: Floats, aspect: float, x: float, y: float, margin: float) -> bool:
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
def _append_crossing(
    states: npt.NDArray[np.void], state: int, events: Ints, count: int, track: int, place: int
) -> tuple[Ints, int]:
    """Append a crossing: the side reached, and the time of the last intersection with the line."""
    return _append_event(events, count, track, place, states[state]["side"], states[state]["met_at_us"], 0)


@compiled
def _toggle_visit(
    states: npt.NDArray[np.void], state: int, at_us: int, events: Ints, count: int, track: int, place: int
) -> tuple[Ints, int]:
    """Start or end the visit, at the last intersection with the border if there was one, else at `at_us`."""
    when = at_us if states[state]["met_at_us"] == NEVER else states[state]["met_at_us"]
    states[state]["met_at_us"] = NEVER
    ordinal = states[state]["ordinal"]
    if states[state]["side"]:
        entered_at_us = states[state]["entered_at_us"]
        states[state]["side"], states[state]["ordinal"] = 0, ordinal + 1
        return _append_event(events, count, track, place, ordinal, entered_at_us, max(when, entered_at_us))
    states[state]["side"], states[state]["entered_at_us"] = 1, when
    return _append_event(events, count, track, place, ordinal, when, NEVER)


def shapes(cameras: Sequence[Camera]) -> Shapes:
    """The lines and zones of cameras as columns; cameras are numbered in the given order."""
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
