"""Counting lines: trajectories with the passages that a person would count."""

from __future__ import annotations

import pytest
from trajectories import STEP_US, Pair, box_at, counting_line, directions, observed, passages, straight, via

from aforo.model import PastPosition
from aggregate.counting.lines_and_zones import END_MARGIN, MARGIN

# Upright, in the middle; who walks along it from top to bottom has the left of the picture at the right hand.
UPRIGHT = counting_line((0.5, 0.2), (0.5, 0.8), directions=("left", "right"))
# A bent line, open to the right, with its joint at (0.4, 0.5).
BENT = counting_line((0.6, 0.1), (0.4, 0.5), (0.6, 0.9), directions=("left", "right"))
# A cordon around the top of the picture's middle: down, across, up; its corners are right angles.
CORDON = counting_line((0.3, 0.0), (0.3, 0.5), (0.7, 0.5), (0.7, 0.0), directions=("out", "in"))
# A sharp tip at (0.8, 0.5), interior to the left.
SHARP = counting_line((0.2, 0.4), (0.8, 0.5), (0.2, 0.6), directions=("in", "out"))


@pytest.mark.parametrize(
    ("trajectory", "expected"),
    [
        pytest.param(straight((0.3, 0.5), (0.7, 0.5), 20), ["right"], id="straight across"),
        pytest.param(straight((0.7, 0.5), (0.3, 0.5), 20), ["left"], id="straight back"),
        pytest.param(straight((0.3, 0.3), (0.7, 0.7), 13), ["right"], id="aslant"),
        pytest.param([(0.1, 0.5), (0.9, 0.5)], ["right"], id="over it between two frames"),
        pytest.param([(0.1, 0.1), (0.9, 0.1)], [], id="between two frames, above its end"),
        pytest.param(straight((0.3, 0.9), (0.7, 0.9), 20), [], id="beside its end"),
        pytest.param(straight((0.3, 0.81), (0.7, 0.81), 20), [], id="close beside its end"),
        pytest.param(straight((0.3, 0.79), (0.7, 0.79), 20), ["right"], id="just inside its end"),
        pytest.param(straight((0.3, 0.8), (0.7, 0.8), 20), ["right"], id="exactly over its end"),
        pytest.param(straight((0.49, 0.1), (0.49, 0.9), 20), [], id="along it"),
        pytest.param(straight((0.5, 0.1), (0.5, 0.9), 20), [], id="on it, from end to end"),
        pytest.param([(0.3, 0.5), (0.5, 0.5), (0.7, 0.5)], ["right"], id="a position exactly on it"),
        pytest.param([(0.3, 0.5), *[(0.5, 0.5)] * 30, (0.7, 0.5)], ["right"], id="standing on it, then on"),
        pytest.param([(0.3, 0.5), *[(0.5, 0.5)] * 30, (0.3, 0.5)], [], id="standing on it, then back"),
        pytest.param([(0.3, 0.5), (0.5, 0.5), (0.3, 0.5)], [], id="touching it with one position"),
        pytest.param([(0.3, 0.5)] + [(0.498, 0.5), (0.502, 0.5)] * 20 + [(0.3, 0.5)], [], id="trembling, then back"),
        pytest.param([(0.3, 0.5)] + [(0.498, 0.5), (0.502, 0.5)] * 20 + [(0.7, 0.5)], ["right"], id="trembling, on"),
        pytest.param([(0.501, 0.5), (0.499, 0.5)] * 20, [], id="trembling all its life"),
        pytest.param(via((0.3, 0.5), (0.6, 0.5), (0.3, 0.5)), ["right", "left"], id="over and back"),
        pytest.param(
            via((0.3, 0.5), (0.6, 0.5), (0.3, 0.5), (0.6, 0.5)), ["right", "left", "right"], id="over, back and over"
        ),
        pytest.param(via((0.3, 0.5), (0.6, 0.5), (0.6, 0.9), (0.4, 0.9), (0.4, 0.5), (0.6, 0.5)), ["right", "right"],
                     id="twice in one direction, back around its end"),
        pytest.param(via((0.4, 0.5), (0.4, 0.95), (0.6, 0.95), (0.6, 0.5)), [], id="around its end"),
        pytest.param([(0.3, 0.5)] * 50, [], id="standing beside it"),
        pytest.param([(0.3, 0.5)], [], id="seen once"),
    ],
)  # fmt: skip
def test_an_upright_line(trajectory: list[Pair], expected: list[str]) -> None:
    assert directions(UPRIGHT, trajectory) == expected


@pytest.mark.parametrize(
    ("trajectory", "expected"),
    [
        pytest.param(straight((0.2, 0.5), (0.8, 0.5), 7), ["right"], id="over the joint"),
        pytest.param(straight((0.8, 0.5), (0.2, 0.5), 7), ["left"], id="back over the joint"),
        pytest.param([(0.2, 0.5), (0.4, 0.5), (0.8, 0.5)], ["right"], id="a position exactly on the joint"),
        pytest.param([(0.2, 0.5), (0.4, 0.5), (0.2, 0.5)], [], id="touching the joint"),
        pytest.param([(0.2, 0.5), (0.4, 0.5), (0.2, 0.8)], [], id="touching the joint, away aslant"),
        pytest.param(straight((0.4, 0.0), (0.4, 1.0), 9), [], id="past the joint, touching it between two frames"),
        pytest.param(
            straight((0.55, 0.0), (0.55, 1.0), 50), ["right", "left"], id="in over one piece, out by the other"
        ),
        pytest.param([(0.3, 0.2), (0.7, 0.8)], ["right"], id="aslant through one piece"),
    ],
)
def test_a_bent_line(trajectory: list[Pair], expected: list[str]) -> None:
    assert directions(BENT, trajectory) == expected


@pytest.mark.parametrize("tilt", [i / 97 for i in range(-40, 41)])
def test_every_way_through_a_joint_counts_once(tilt: float) -> None:
    """Whatever the rounding, the joint is neither two meetings nor none."""
    start, end = (0.4 - 0.3, 0.5 - 0.3 * tilt), (0.4 + 0.3, 0.5 + 0.3 * tilt)
    for steps in (1, 2, 3, 7):
        assert directions(BENT, straight(start, end, steps)) == ["right"]
        assert directions(BENT, straight(end, start, steps)) == ["left"]


@pytest.mark.parametrize(
    ("trajectory", "expected"),
    [
        pytest.param(via((0.1, 0.2), (0.5, 0.2)), ["in"], id="in from the left"),
        pytest.param(via((0.5, 0.2), (0.5, 0.8)), ["out"], id="out at the bottom"),
        pytest.param(via((0.1, 0.2), (0.5, 0.2), (0.5, 0.8)), ["in", "out"], id="in and out"),
        pytest.param(via((0.1, 0.2), (0.1, 0.8), (0.9, 0.8), (0.9, 0.2)), [], id="around it"),
        pytest.param([(0.1, 0.2), (0.1, 0.5), (0.1, 0.6), (0.3, 0.7), (0.5, 0.7), (0.5, 0.2)], ["in"],
                     id="on its extensions"),
        pytest.param([(0.1, 0.5), (0.5, 0.2)], ["in"], id="from the extension of the bottom"),
        pytest.param([(0.5, 0.2), (0.3, 0.7)], ["out"], id="to the extension of the side"),
        pytest.param([(0.5, 0.2), (0.1, 0.5), (0.1, 0.8)], ["out"], id="to the extension of the bottom, and on"),
    ],
)  # fmt: skip
def test_a_cordon_with_right_angles(trajectory: list[Pair], expected: list[str]) -> None:
    assert directions(CORDON, trajectory) == expected


@pytest.mark.parametrize(
    ("trajectory", "expected"),
    [
        pytest.param(via((0.4, 0.2), (0.4, 0.5)), ["in"], id="in from above"),
        pytest.param(via((0.4, 0.8), (0.4, 0.5)), ["in"], id="in from below"),
        pytest.param(via((0.4, 0.2), (0.9, 0.45), (0.9, 0.55), (0.4, 0.8)), [], id="around the tip"),
        pytest.param(via((0.4, 0.2), (0.9, 0.45), (0.9, 0.55), (0.4, 0.8), (0.4, 0.5)), ["in"],
                     id="around the tip, in"),
        pytest.param(via((0.9, 0.49), (0.4, 0.5)), ["in"], id="in over the tip, from just above it"),
        pytest.param(via((0.9, 0.51), (0.4, 0.5)), ["in"], id="in over the tip, from just below it"),
        pytest.param(via((0.4, 0.5), (0.9, 0.5)), ["out"], id="out over the tip"),
    ],
)  # fmt: skip
def test_a_line_with_a_sharp_tip(trajectory: list[Pair], expected: list[str]) -> None:
    assert directions(SHARP, trajectory) == expected


def test_the_time_is_that_of_the_anchor_on_the_line() -> None:
    observations = [PastPosition(0, box_at(0.3, 0.5)), PastPosition(1_000_000, box_at(0.7, 0.5))]
    assert passages(UPRIGHT, observations) == [("right", 500_000)]
    observations = [PastPosition(0, box_at(0.4, 0.5)), PastPosition(1_000_000, box_at(0.8, 0.5))]
    assert passages(UPRIGHT, observations) == [("right", 250_000)]


def test_the_time_does_not_wait_for_the_margin() -> None:
    """Somebody steps over and stands just behind the line: the margin delays the certainty, not the time."""
    trajectory = [(0.40, 0.5), (0.501, 0.5), *[(0.502, 0.5)] * 20, (0.7, 0.5)]
    (passage,) = passages(UPRIGHT, observed(trajectory))
    assert passage == ("right", round(STEP_US * 0.10 / 0.101))


def test_of_a_trembling_passage_the_last_meeting_is_the_time() -> None:
    trajectory = [(0.4, 0.5), (0.502, 0.5), (0.498, 0.5), (0.502, 0.5), (0.6, 0.5)]
    assert passages(UPRIGHT, observed(trajectory)) == [("right", round(2.5 * STEP_US))]


def test_the_anchor_is_what_has_to_cross() -> None:
    """A tall box goes down: its middle passes the line long after its feet."""
    flat = counting_line((0.1, 0.5), (0.9, 0.5), directions=("down", "up"))
    middle = counting_line((0.1, 0.5), (0.9, 0.5), directions=("down", "up"), anchor="centre")
    trajectory = observed(straight((0.5, 0.4), (0.5, 0.8), 4), height=0.2)
    assert passages(flat, trajectory) == [("down", STEP_US)]
    assert passages(middle, trajectory) == [("down", 2 * STEP_US)]


def test_distances_are_true_in_a_wide_picture() -> None:
    """In a frame twice as wide as high, 0.01 of the width is as far as 0.02 of the height."""
    margin = MARGIN * (0.04 * 2 + 0.06) / 2
    for factor, expected in ((0.9, []), (1.1, ["right"])):
        beyond = 0.5 + factor * margin / 2
        observations = observed([(0.3, 0.5), (beyond, 0.5)])
        assert [d for d, _ in passages(UPRIGHT, observations, aspect=2.0, ends=False)] == expected


@pytest.mark.parametrize(("share", "expected"), [(0.5, []), (1.5, ["right"])])
def test_a_track_that_ends_behind_the_line_needs_less_margin(share: float, expected: list[str]) -> None:
    trajectory = [(0.3, 0.5), (0.5 + share * END_MARGIN * 0.05, 0.5)]
    assert passages(UPRIGHT, observed(trajectory), ends=False) == []
    assert directions(UPRIGHT, trajectory) == expected


def test_a_track_that_ends_counts_nothing_twice() -> None:
    assert directions(UPRIGHT, straight((0.3, 0.5), (0.51, 0.5), 10)) == ["right"]


@pytest.mark.parametrize(("start", "expected"), [(0.499, ["right"]), (0.501, [])])
def test_a_track_that_begins_near_the_line_counts_if_it_began_before_it(start: float, expected: list[str]) -> None:
    assert directions(UPRIGHT, straight((start, 0.5), (0.7, 0.5), 10)) == expected


@pytest.mark.parametrize("target", [0.3, 0.7])
def test_whoever_appears_on_the_line_passes_it_at_most_once(target: float) -> None:
    assert len(directions(UPRIGHT, straight((0.5, 0.5), (target, 0.5), 10))) <= 1


def test_the_margin_grows_with_the_box() -> None:
    """A bus that rocks at the line goes as far as a pedestrian that crosses it."""
    trajectory = [(0.3, 0.5), (0.51, 0.5), (0.3, 0.5)]
    assert directions(UPRIGHT, trajectory) == ["right", "left"]
    assert directions(UPRIGHT, trajectory, width=0.2, height=0.2) == []


def test_a_long_wait_on_the_line_is_one_passage() -> None:
    waiting = [(0.3, 0.5), *[(0.4999, 0.5), (0.5001, 0.5)] * 2_000]
    assert directions(UPRIGHT, [*waiting, (0.7, 0.5)]) == ["right"]
    assert directions(UPRIGHT, [*waiting, (0.3, 0.5)]) == []
