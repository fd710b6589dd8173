"""Zones: trajectories with the visits that a person would note."""

from __future__ import annotations

import pytest
from trajectories import STEP_US, Pair, box_at, counting_zone, observed, stays, straight, via

from aforo.model import MICROSECONDS, PastPosition

SQUARE = counting_zone((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))
# Half a margin of the boxes below deep: nobody is ever surely inside it.
STRIP = counting_zone((0.498, 0.2), (0.502, 0.2), (0.502, 0.8), (0.498, 0.8))
# An L around the lower left of the picture's middle.
BENT = counting_zone((0.4, 0.3), (0.5, 0.3), (0.5, 0.6), (0.8, 0.6), (0.8, 0.7), (0.4, 0.7))


def through(start: Pair, end: Pair, steps: int = 20) -> list[Pair]:
    return straight(start, end, steps)


def test_entry_exit_and_dwell() -> None:
    """0.1 to 0.9 in 80 steps of 0.01: the border is met midway between two positions at 0.4 and 0.6."""
    trajectory = straight((0.105, 0.5), (0.905, 0.5), 80)
    ((entered, left),) = stays(SQUARE, observed(trajectory))
    assert entered == pytest.approx(29.5 * STEP_US, abs=2)
    assert left == pytest.approx(49.5 * STEP_US, abs=2)


@pytest.mark.parametrize(
    ("trajectory", "visits"),
    [
        pytest.param(through((0.1, 0.9), (0.9, 0.9)), 0, id="past it"),
        pytest.param(through((0.1, 0.5), (0.9, 0.5)), 1, id="through it"),
        pytest.param([(0.1, 0.5), (0.9, 0.5)], 1, id="through it between two frames"),
        pytest.param([(0.1, 0.1), (0.9, 0.9)], 1, id="through it from corner to corner, between two frames"),
        pytest.param(through((0.1, 0.1), (0.9, 0.9), 7), 1, id="through it from corner to corner"),
        pytest.param(via((0.1, 0.5), (0.5, 0.5), (0.1, 0.5)), 1, id="in and back"),
        pytest.param(via((0.1, 0.5), (0.5, 0.5), (0.1, 0.5), (0.5, 0.5), (0.9, 0.5)), 2, id="twice"),
        pytest.param([(0.1, 0.5)] + [(0.398, 0.5), (0.402, 0.5)] * 20 + [(0.1, 0.5)], 0, id="trembling on the border"),
        pytest.param([(0.1, 0.5)] + [(0.398, 0.5), (0.402, 0.5)] * 20 + [(0.5, 0.5)], 1, id="trembling, then in"),
        pytest.param([(0.5, 0.5)] + [(0.398, 0.5), (0.402, 0.5)] * 20 + [(0.5, 0.5)], 1, id="trembling, inside"),
        pytest.param(straight((0.402, 0.1), (0.402, 0.9), 3), 0, id="along its border, a hair inside"),
        pytest.param([(0.3, 0.5), (0.5, 0.301)], 0, id="past its corner, between two frames"),
        pytest.param([(0.3, 0.502), (0.502, 0.3)], 0, id="cutting its corner by a hair, between two frames"),
        pytest.param([(0.2, 0.6), (0.4, 0.4), (0.6, 0.2)], 0, id="a position on its corner, past it"),
        pytest.param([(0.5, 0.5)] * 10, 1, id="standing inside"),
        pytest.param([(0.9, 0.5)] * 10, 0, id="standing outside"),
        pytest.param([(0.5, 0.5)], 1, id="seen once, inside"),
    ],
)
def test_a_square(trajectory: list[Pair], visits: int) -> None:
    assert len(stays(SQUARE, observed(trajectory))) == visits


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 13, 40, 400])
@pytest.mark.parametrize("start", [0.3, 0.29, 0.3123])
def test_a_thin_zone_is_visited_at_any_pace(steps: int, start: float) -> None:
    """The box is so large that no position is ever surely inside; the trajectory through it is."""
    trajectory = observed(straight((start, 0.5), (0.7, 0.5), steps), step_us=MICROSECONDS // steps)
    ((entered, left),) = stays(STRIP, trajectory)
    assert left is not None
    assert entered == pytest.approx(MICROSECONDS * (0.498 - start) / (0.7 - start), abs=MICROSECONDS / 100)
    assert left - entered == pytest.approx(MICROSECONDS * 0.004 / (0.7 - start), abs=MICROSECONDS / 100)


def test_standing_in_a_thin_zone_is_a_visit() -> None:
    trajectory = [(0.3, 0.5), *[(0.5, 0.5)] * 50, (0.7, 0.5)]
    ((entered, left),) = stays(STRIP, observed(trajectory))
    assert left is not None
    assert left - entered > 49 * STEP_US


def test_both_arms_of_a_bent_zone_in_one_step_are_two_visits() -> None:
    """From one arm to the other across the outside, no frame between: each piece of the trajectory counts by itself."""
    trajectory = [(0.3, 0.35), (0.9, 0.75)]
    crossed = stays(BENT, observed(trajectory))
    assert len(crossed) == 2
    (first, second) = crossed
    assert first[1] is not None
    assert 0 < first[0] < first[1] < second[0]


def test_a_track_that_ends_inside_leaves_at_its_last_position() -> None:
    trajectory = straight((0.105, 0.5), (0.505, 0.5), 40)
    ((entered, left),) = stays(SQUARE, observed(trajectory))
    assert entered == pytest.approx(29.5 * STEP_US, abs=2)
    assert left == 40 * STEP_US


def test_a_track_that_begins_inside_enters_at_its_first_position() -> None:
    trajectory = straight((0.505, 0.5), (0.905, 0.5), 40)
    ((entered, left),) = stays(SQUARE, observed(trajectory))
    assert entered == 0
    assert left == pytest.approx(9.5 * STEP_US, abs=2)


def test_a_visit_is_open_while_the_road_user_is_inside() -> None:
    trajectory = straight((0.1, 0.5), (0.5, 0.5), 40)
    ((_, left),) = stays(SQUARE, observed(trajectory), ends=False)
    assert left is None


def test_a_track_that_ends_just_behind_the_border_left_at_the_border() -> None:
    """It did not go far enough to be surely outside, but it has no more time to."""
    trajectory = [(0.5, 0.5), (0.59, 0.5), (0.601, 0.5), (0.601, 0.5), (0.601, 0.5)]
    ((_, left),) = stays(SQUARE, observed(trajectory))
    assert left == pytest.approx(STEP_US * (1 + 0.01 / 0.011), abs=2)


def test_the_times_do_not_wait_for_the_margin() -> None:
    trajectory = [(0.39, 0.5), *[(0.401, 0.5)] * 10, (0.5, 0.5), *[(0.601, 0.5)] * 10, (0.9, 0.5)]
    ((entered, left),) = stays(SQUARE, observed(trajectory))
    assert entered == pytest.approx(STEP_US * 0.01 / 0.011, abs=2)
    assert left == pytest.approx(STEP_US * (11 + 0.1 / 0.101), abs=2)


def test_the_anchor_is_what_has_to_be_inside() -> None:
    feet = counting_zone((0.4, 0.55), (0.6, 0.55), (0.6, 0.65), (0.4, 0.65))
    middle = counting_zone((0.4, 0.55), (0.6, 0.55), (0.6, 0.65), (0.4, 0.65), anchor="centre")
    standing = [PastPosition(i * STEP_US, box_at(0.5, 0.6, 0.04, 0.2)) for i in range(5)]
    assert len(stays(feet, standing)) == 1
    assert len(stays(middle, standing)) == 0


def test_a_picture_that_is_wide_has_the_same_zone() -> None:
    trajectory = observed(straight((0.105, 0.5), (0.905, 0.5), 80))
    ((entered, left),) = stays(SQUARE, trajectory, aspect=16 / 9)
    assert (entered, left) == (pytest.approx(29.5 * STEP_US, abs=2), pytest.approx(49.5 * STEP_US, abs=2))


def test_a_long_wait_on_the_border_is_no_visit() -> None:
    assert stays(SQUARE, observed([(0.1, 0.5), *[(0.398, 0.5), (0.402, 0.5)] * 2_000])) == []
