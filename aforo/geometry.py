"""Plane geometry of counting: sides, intersections, polygons.

Points are any pairs of floats in one frame of reference; x to the right, y down, as in images.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from aforo.model import Point

Pair = tuple[float, float]

MINIMUM_LENGTH = 1e-3
"""Least length of a line's segment, as a share of the frame."""


def cross(origin: Pair, a: Pair, b: Pair) -> float:
    """Twice the signed area of the triangle origin-a-b; positive when b lies clockwise of a as seen in the image.

    >>> cross((0, 0), (1, 0), (0, 1))
    1
    """
    return (a[0] - origin[0]) * (b[1] - origin[1]) - (a[1] - origin[1]) * (b[0] - origin[0])


def intersection(a: Pair, b: Pair, c: Pair, d: Pair) -> tuple[float, float] | None:
    """The intersection of the path a-b with the segment c-d.

    If they only touch, the path is taken as moved by an infinitesimal amount to the left and by a smaller one upwards.
    So a path over a joint of two segments intersects exactly one of them (Edelsbrunner and Mücke, Simulation of
    Simplicity, 1990).

    >>> intersection((0, 0), (1, 0), (0.25, -1), (0.25, 1))
    (0.25, 0.5)

    Returns:
        The shares (0..1) along a-b and along c-d, or None if they do not intersect or are parallel.
    """
    (ax, ay), (bx, by), (cx, cy) = a, b, c
    sx, sy = d[0] - cx, d[1] - cy
    from_a, from_b = sx * (ay - cy) - sy * (ax - cx), sx * (by - cy) - sy * (bx - cx)  # cross(c, d, ·), inline
    if ((from_a or sy or -sx) > 0.0) != ((from_b or sy or -sx) > 0.0):
        rx, ry = bx - ax, by - ay
        from_c, from_d = cross(a, b, c), cross(a, b, d)
        if ((from_c or -ry or rx) > 0.0) != ((from_d or -ry or rx) > 0.0):
            return from_a / (from_a - from_b), from_c / (from_c - from_d)
    return None


def distance_to_segment(point: Pair, a: Pair, b: Pair) -> float:
    """Distance from a point to the nearest point of the segment a-b.

    >>> distance_to_segment((3, 4), (0, 0), (-1, 0))
    5.0
    """
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    share = 0.0 if square == 0.0 else max(0.0, min(1.0, ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / square))
    return math.hypot(point[0] - a[0] - share * dx, point[1] - a[1] - share * dy)


def contains(polygon: Sequence[Pair], point: Pair) -> bool:
    """Whether the polygon contains the point (even-odd rule; a point on the border is moved as in `intersection`).

    >>> contains([(0, 0), (1, 0), (0, 1)], (0.25, 0.25))
    True
    """
    inside = False
    x, y = point
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if (y1 >= y) != (y2 >= y) and x <= (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
        x1, y1 = x2, y2
    return inside


def distance_to_border(polygon: Sequence[Pair], point: Pair) -> float:
    """Distance from a point to the nearest border of the polygon.

    >>> distance_to_border([(0, 0), (1, 0), (1, 1), (0, 1)], (0.25, 0.5))
    0.25
    """
    x, y = point
    x1, y1 = polygon[-1]
    nearest = math.inf
    for x2, y2 in polygon:  # `distance_to_segment`, but one root for all
        dx, dy = x2 - x1, y2 - y1
        square = dx * dx + dy * dy
        share = ((x - x1) * dx + (y - y1) * dy) / square if square else 0.0
        share = 0.0 if share < 0.0 else 1.0 if share > 1.0 else share
        from_x, from_y = x - x1 - share * dx, y - y1 - share * dy
        nearest = min(nearest, from_x * from_x + from_y * from_y)
        x1, y1 = x2, y2
    return math.sqrt(nearest)


def image_directions(points: Sequence[Pair]) -> tuple[str, str]:
    """Names of a line's directions in the image's sense: right/left when it is nearer to vertical, else down/up.

    Of points in fractions of the frame, as everywhere but in files of hand counts, that is the share of the height
    against the share of the width: the names stay when a camera comes back with another resolution.

    >>> image_directions([(0.1, 0.5), (0.9, 0.5)])
    ('down', 'up')

    Returns:
        The name of the direction towards the right-hand side of a person who walks along the line, then of the other.
    """
    dx, dy = points[-1][0] - points[0][0], points[-1][1] - points[0][1]
    if abs(dy) > abs(dx):
        return ("left", "right") if dy > 0 else ("right", "left")
    return ("down", "up") if dx > 0 else ("up", "down")


def check_line(points: Sequence[Pair]) -> None:
    """Refuse a line that cannot count.

    >>> check_line([(0.5, 0.1), (0.5, 0.1)])
    Traceback (most recent call last):
    ValueError: the line has no length between [0.5, 0.1] and [0.5, 0.1]; give two different points

    Raises:
        ValueError: a segment of it has no length.
    """
    for a, b in itertools.pairwise(points):
        if math.dist(a, b) < MINIMUM_LENGTH:
            raise ValueError(f"the line has no length between {_shown(a)} and {_shown(b)}; give two different points")


def open_polygon(polygon: Sequence[Pair]) -> Sequence[Pair]:
    """The corners of a polygon once: without the last one where it only closes the polygon by repeating the first.

    >>> open_polygon([(0, 0), (1, 0), (0, 1), (0, 0)])
    [(0, 0), (1, 0), (0, 1)]
    """
    return polygon[:-1] if len(polygon) > 1 and tuple(polygon[0]) == tuple(polygon[-1]) else polygon


def check_polygon(polygon: Sequence[Pair]) -> None:
    """Refuse a polygon that is not simple.

    >>> check_polygon([(0, 0), (0.5, 0), (1, 0)])
    Traceback (most recent call last):
    ValueError: the zone has no area; give at least three corners that are not on one line

    Raises:
        ValueError: two of its edges cross, or it has no area.
    """
    if len(polygon) < 3:  # noqa: PLR2004  a triangle
        raise ValueError("the zone has no area; give at least three different corners")
    corners = [Point(*corner) for corner in polygon]
    edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    for a, b in edges:
        if a == b:
            raise ValueError(f"the zone has the corner {_shown(a)} twice in a row; leave one out")
    for i, (a, b) in enumerate(edges):
        for j in range(i + 2, len(edges)):
            if (j + 1) % len(edges) == i:
                continue
            if _edges_touch(a, b, *edges[j]):
                raise ValueError(
                    f"the zone crosses itself: the edge {_shown(a)} to {_shown(b)} meets the edge "
                    f"{_shown(edges[j][0])} to {_shown(edges[j][1])}; give the corners in order around it"
                )
    if abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2 < MINIMUM_LENGTH**2:
        raise ValueError("the zone has no area; give at least three corners that are not on one line")


def _shown(point: Pair) -> str:
    return str([round(float(value), 4) for value in point])


def _edges_touch(a: Pair, b: Pair, c: Pair, d: Pair) -> bool:
    d1, d2, d3, d4 = cross(c, d, a), cross(c, d, b), cross(a, b, c), cross(a, b, d)
    if d1 * d2 < 0 and d3 * d4 < 0:
        return True
    return any(
        side == 0 and distance_to_segment(point, *edge) == 0
        for side, point, edge in ((d1, a, (c, d)), (d2, b, (c, d)), (d3, c, (a, b)), (d4, d, (a, b)))
    )
