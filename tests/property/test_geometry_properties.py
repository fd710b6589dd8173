from __future__ import annotations

import itertools
import math
from fractions import Fraction

from hypothesis import assume, example, given
from hypothesis import strategies as st

from aforo.geometry import Pair, check_polygon, contains, cross, distance_to_border, distance_to_segment, intersection

coordinates = st.integers(0, 64).map(lambda n: n / 64)  # exact in binary, with many coincidences
points = st.tuples(coordinates, coordinates)
anywhere = st.tuples(st.floats(0, 1), st.floats(0, 1))


@st.composite
def star_polygons(draw: st.DrawFn) -> list[Pair]:
    """Simple polygons: corners around a centre, by angle."""
    count = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(0.1, 0.5), min_size=count, max_size=count))
    turn = draw(st.floats(0, 1))
    angles = [2 * math.pi * (i + turn) / count for i in range(count)]
    return [(0.5 + r * math.cos(a), 0.5 + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


@given(points, points, points, points)
def test_two_segments_meet_in_the_same_point_whichever_is_asked(a: Pair, b: Pair, c: Pair, d: Pair) -> None:
    assume(cross(c, d, a) and cross(c, d, b) and cross(a, b, c) and cross(a, b, d))  # where they touch, see below
    there, back = intersection(a, b, c, d), intersection(c, d, a, b)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert (back[1], back[0]) == there


@given(points, points, st.lists(points, min_size=1, max_size=4))
def test_a_closed_path_meets_any_line_an_even_number_of_times(a: Pair, b: Pair, corners: list[Pair]) -> None:
    """On a coarse grid, so that corners, joints and ends touch all the time; the line is closed by a far detour."""
    line = [a, b, (9.0, -7.0), (-8.0, -9.0), a]
    path = [*corners, corners[0]]
    meetings = [intersection(p, q, c, d) for p, q in itertools.pairwise(path) for c, d in itertools.pairwise(line)]
    assert sum(meeting is not None for meeting in meetings) % 2 == 0


lengths = st.floats(0.1, 1)


@given(anywhere, st.floats(0, 7), st.floats(0.05, 3.1), st.tuples(lengths, lengths, lengths, lengths))
def test_both_shares_lead_to_the_same_point(
    middle: Pair, angle: float, turn: float, lengths: tuple[float, float, float, float]
) -> None:
    """Two segments through one point, so far to both sides of it."""

    def away(angle: float, far: float) -> Pair:
        return middle[0] + far * math.cos(angle), middle[1] + far * math.sin(angle)

    a, b, c, d = (away(angle + at, far) for at, far in zip((0, math.pi, turn, turn + math.pi), lengths, strict=True))
    shares = intersection(a, b, c, d)
    assert shares is not None
    t, u = shares
    for axis in (0, 1):
        assert math.isclose(a[axis] + t * (b[axis] - a[axis]), middle[axis], abs_tol=1e-8)
        assert math.isclose(c[axis] + u * (d[axis] - c[axis]), middle[axis], abs_tol=1e-8)


@given(points, points, points, points)
def test_a_path_meets_a_line_when_the_ends_of_each_are_on_both_sides_of_the_other(
    a: Pair, b: Pair, c: Pair, d: Pair
) -> None:
    sides = [cross(c, d, a), cross(c, d, b), cross(a, b, c), cross(a, b, d)]
    assume(all(sides))
    assert (intersection(a, b, c, d) is not None) == (sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0)


@given(points, points, points, points)
def test_reversing_the_line_keeps_the_meeting(a: Pair, b: Pair, c: Pair, d: Pair) -> None:
    one, other = intersection(a, b, c, d), intersection(a, b, d, c)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert math.isclose(one[0], other[0], abs_tol=1e-12)
        assert math.isclose(one[1], 1 - other[1], abs_tol=1e-12)


@given(points, points, st.lists(points, min_size=1, max_size=6), points, points)
def test_cutting_a_straight_path_into_pieces_changes_nothing(
    a: Pair, b: Pair, cuts: list[Pair], c: Pair, d: Pair
) -> None:
    shares = sorted({Fraction(x).limit_denominator(64) for x, _ in cuts} - {Fraction(0), Fraction(1)})
    exact = [tuple(Fraction(v) for v in point) for point in (a, b, c, d)]
    start, end, first, last = exact
    path = [
        (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
        for share in (Fraction(0), *shares, Fraction(1))
    ]
    pieces = [intersection(p, q, first, last) for p, q in itertools.pairwise(path)]  # type: ignore[arg-type]
    whole = intersection(start, end, first, last)  # type: ignore[arg-type]
    assert len([piece for piece in pieces if piece]) == (whole is not None)


def winding_number(polygon: list[Pair], point: Pair) -> float:
    """Turns of the polygon around the point: the reference, by angles instead of by a ray."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        ux, uy, vx, vy = x1 - point[0], y1 - point[1], x2 - point[0], y2 - point[1]
        total += math.atan2(ux * vy - uy * vx, ux * vx + uy * vy)
    return total / (2 * math.pi)


@given(star_polygons(), anywhere)
def test_a_zone_contains_what_it_winds_around(polygon: list[Pair], point: Pair) -> None:
    assume(distance_to_border(polygon, point) > 1e-9)
    assert contains(polygon, point) == (abs(winding_number(polygon, point)) > 0.5)


@given(star_polygons(), anywhere, st.integers(0, 11))
def test_it_does_not_matter_with_which_corner_a_zone_begins(polygon: list[Pair], point: Pair, first: int) -> None:
    assume(distance_to_border(polygon, point) > 1e-9)
    k = first % len(polygon)
    turned = polygon[k:] + polygon[:k]
    assert contains(turned, point) == contains(polygon, point) == contains(polygon[::-1], point)


@given(anywhere, anywhere, anywhere)
@example((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
def test_no_point_of_a_segment_is_nearer_than_its_distance(point: Pair, a: Pair, b: Pair) -> None:
    nearest = min(math.dist(point, (a[0] + i / 50 * (b[0] - a[0]), a[1] + i / 50 * (b[1] - a[1]))) for i in range(51))
    distance = distance_to_segment(point, a, b)
    assert distance <= nearest + 1e-12
    assert nearest - distance <= math.dist(a, b) / 50


@given(star_polygons())
def test_a_simple_zone_passes_the_check(polygon: list[Pair]) -> None:
    check_polygon(polygon)


@given(star_polygons(), st.data())
def test_the_check_agrees_with_every_pair_of_edges(polygon: list[Pair], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(polygon))
    edges = list(zip(shuffled, [*shuffled[1:], shuffled[0]], strict=True))
    crossed = any(
        intersection(*edges[i], *edges[j]) is not None
        for i in range(len(edges))
        for j in range(i + 2, len(edges))
        if (j + 1) % len(edges) != i
    )
    try:
        check_polygon(shuffled)
    except ValueError:
        accepted = False
    else:
        accepted = True
    assert accepted != crossed
