"""Pieces of long vehicles are nobody; who only drives beside one is somebody. Scenes of boxes."""

from __future__ import annotations

import pytest
from road_scene import Actor, Thing, car, except_frames, going, play

TRUCK = "truck"


def lorry(**changes: object) -> Thing:
    return Thing(**({"label": TRUCK, "width": 420, "height": 150} | changes))  # type: ignore[arg-type]


def piece(dx: float, width: float = 110, **changes: object) -> Thing:
    """A cab or a load: a box of its own that overlaps the lorry's, seen for a while and never surely."""
    return Thing(
        **({"label": TRUCK, "width": width, "height": 100, "dx": dx, "raised": 30, "confidence": 0.45} | changes)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("dx", [-215, -180, 180, 215])
@pytest.mark.parametrize("speed", [90, 200])
def test_a_lorry_and_its_piece_are_one_wherever_the_piece_is(dx: float, speed: float) -> None:
    outcome = play(Actor(going(50, speed), [lorry(), piece(dx)]), seconds=10)
    assert outcome.crossings == {("right", "truck"): 1}


def test_a_piece_that_is_seen_for_a_moment_at_the_line_is_no_second_lorry() -> None:
    outcome = play(Actor(going(50, 100), [lorry(), piece(-200, seen=lambda frame: 50 <= frame < 70)]), seconds=10)
    assert outcome.crossings == {("right", "truck"): 1}


@pytest.mark.parametrize("gap", [60, 100])
def test_a_car_that_follows_a_lorry_and_is_seen_clearly_is_counted(gap: float) -> None:
    """From above and behind their boxes overlap all the way."""
    outcome = play(Actor(going(50, 100), [lorry()]), Actor(going(50 - 210 - 80 + gap, 100, y=410), [car()]), seconds=12)
    assert outcome.crossings == {("right", "truck"): 1, ("right", "car"): 1}


def test_a_doubtful_car_that_overtakes_a_lorry_is_counted() -> None:
    faint = car(confidence=0.45)
    outcome = play(Actor(going(200, 60), [lorry()]), Actor(going(-100, 160, y=440), [faint]), seconds=10)
    assert outcome.crossings == {("right", "truck"): 1, ("right", "car"): 1}


def test_a_doubtful_car_by_itself_is_counted() -> None:
    outcome = play(Actor(going(100, 100), [car(confidence=0.45, seen=except_frames(20, 24))]), seconds=9)
    assert outcome.crossings == {("right", "car"): 1}


def test_two_doubtful_cars_side_by_side_are_two() -> None:
    cars = [Actor(going(100, 100, y=y), [car(confidence=0.45)]) for y in (390, 430)]
    assert play(*cars, seconds=9).crossings == {("right", "car"): 2}
