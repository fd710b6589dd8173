from __future__ import annotations

import itertools

import pytest

from aforo.geometry import (
    check_line,
    check_polygon,
    contains,
    cross,
    distance_to_border,
    distance_to_segment,
    intersection,
)

SQUARE = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
HORSESHOE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.7, 1.0), (0.7, 0.3), (0.3, 0.3), (0.3, 1.0), (0.0, 1.0)]


def test_clockwise_as_seen_in_the_image_is_positive() -> None:
    assert cross((0, 0), (1, 0), (0, 1)) == 1  # right, then down
    assert cross((0, 0), (0, 1), (1, 0)) == -1


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "shares"),
    [
        ((0, 0), (1, 1), (0, 1), (1, 0), (0.5, 0.5)),
        ((0, 0), (4, 0), (1, -1), (1, 3), (0.25, 0.25)),
        ((0, 0), (1, 0), (0, -1), (0, 1), (0.0, 0.5)),  # the path starts on the line
        ((-1, 0), (0, 0), (0, -1), (0, 1), None),  # it ends there: the next piece of the path has the meeting
        ((-1, 0), (1, 0), (0, 0), (0, 1), None),  # touching the line's upper end: as if a hair above it
        ((-1, 0), (1, 0), (0, -1), (0, 0), (0.5, 1.0)),  # touching its lower end: as if a hair above it, so through
        ((0, 0), (1, 0), (0, 1), (1, 1), None),  # parallel
        ((0, 0), (1, 0), (0.2, 0), (0.8, 0), None),  # along the line
        ((0, 0), (0.4, 0), (0.5, -1), (0.5, 1), None),  # not far enough
        ((0, 0), (0, 0), (-1, 0), (1, 0), None),  # standing
    ],
)
def test_where_a_path_meets_a_line(
    a: tuple[float, float],
    b: tuple[float, float],
    c: tuple[float, float],
    d: tuple[float, float],
    shares: tuple[float, float] | None,
) -> None:
    assert intersection(a, b, c, d) == shares


def test_a_path_with_a_vertex_on_the_line_meets_it_once() -> None:
    path = [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0)]
    meetings = [intersection(a, b, (0.5, -1.0), (0.5, 1.0)) for a, b in itertools.pairwise(path)]
    assert [meeting for meeting in meetings if meeting] == [(0.0, 0.5)]


@pytest.mark.parametrize(
    ("point", "distance"), [((0.5, 0.5), 0.5), ((-3, 4), 5.0), ((4, 4), 5.0), ((0.3, 0), 0.0), ((1, 0), 0.0)]
)
def test_distance_to_a_segment(point: tuple[float, float], distance: float) -> None:
    assert distance_to_segment(point, (0, 0), (1, 0)) == pytest.approx(distance)


def test_distance_to_a_segment_without_length() -> None:
    assert distance_to_segment((3, 4), (0, 0), (0, 0)) == 5


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        (SQUARE, (0.5, 0.5), True),
        (SQUARE, (0.1, 0.5), False),
        (SQUARE, (0.9, 0.5), False),
        (SQUARE, (0.5, 0.9), False),
        (HORSESHOE, (0.5, 0.1), True),
        (HORSESHOE, (0.5, 0.6), False),  # between its arms
        (HORSESHOE, (0.1, 0.6), True),
        (HORSESHOE, (0.9, 0.3), True),  # at the height of a corner
    ],
)
def test_what_a_zone_contains(polygon: list[tuple[float, float]], point: tuple[float, float], inside: bool) -> None:
    assert contains(polygon, point) is inside
    assert contains(polygon[::-1], point) is inside


def test_a_point_on_the_border_of_two_zones_is_in_one_of_them() -> None:
    left, right = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)], [(0.5, 0), (1, 0), (1, 1), (0.5, 1)]
    assert contains(left, (0.5, 0.5)) != contains(right, (0.5, 0.5))


def test_distance_to_the_border_of_a_zone() -> None:
    assert distance_to_border(SQUARE, (0.5, 0.5)) == pytest.approx(0.3)
    assert distance_to_border(SQUARE, (0.5, 0.1)) == pytest.approx(0.1)
    assert distance_to_border(SQUARE, (0.1, 0.5)) == pytest.approx(0.1)  # the edge that closes it


@pytest.mark.parametrize("line", [[(0.5, 0.5), (0.5, 0.5)], [(0, 0), (1, 1), (1, 1.0005)]])
def test_a_line_with_a_piece_of_no_length_is_refused(line: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="the line has no length between"):
        check_line(line)


@pytest.mark.parametrize("polygon", [SQUARE, HORSESHOE, SQUARE[:3], HORSESHOE[::-1]])
def test_a_simple_zone_is_accepted(polygon: list[tuple[float, float]]) -> None:
    check_polygon(polygon)


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "crosses itself: the edge"),
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], "crosses itself"),  # a corner on another edge
        ([(0, 0), (1, 0), (1, 1), (0, 0), (0, 1)], "crosses itself"),  # a corner used twice
        ([(0, 0), (0.5, 0.5), (1, 1)], "no area"),
        ([(0, 0), (0, 0), (1, 1), (0, 1)], "twice in a row"),
        ([(0, 0), (1, 1), (0, 1), (0, 0)], "twice in a row"),  # closed by hand
        ([(0, 0), (1, 0), (0.5, 0), (0.5, 1)], "the zone"),  # goes back along its own edge
    ],
)
def test_a_zone_that_is_not_simple_is_refused(polygon: list[tuple[float, float]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_polygon(polygon)
