"""Sizes of vehicles beside the cars of the same place; scenes under perspective, made of boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.model import MICROSECONDS, Box, Frame, TrackEnd
from track.scene_scale import LARGEST_CAR, LEAST_CARS, SMALLEST_LORRY, SceneScale, SizeNotes
from track.tracker import CameraTracker

ASPECT = 16 / 9


def passage(size: float = 1.0, *, x: float = 0.5, away: bool = True, horizon: float = 0.1) -> SizeNotes:
    """A vehicle that drives along the view, as large as the place makes it times `size`."""
    notes = SizeNotes()
    for step in range(60):
        y2 = 0.9 - 0.01 * step if away else 0.31 + 0.01 * step
        side = 0.3 * (y2 - horizon) * size
        notes.observe(Box(x - side / ASPECT / 2, y2 - side, x + side / ASPECT / 2, y2), ASPECT)
    return notes


def learnt(number: int, seed: int = 0, spread: float = 0.08, horizon: float = 0.1) -> SceneScale:
    """The scale after so many cars of sizes that differ as those of cars do."""
    rng, scale = np.random.default_rng(seed), SceneScale(ASPECT)
    for at in range(number):
        lane = 0.45 + 0.1 * (at % 2)
        scale.learn(passage(math.exp(rng.normal(0, spread)), x=lane, horizon=horizon))
    return scale


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 999), st.floats(0.7, 2.5), st.floats(0.0, 0.25), st.booleans())
def test_the_size_is_told_in_cars_whatever_the_perspective(seed: int, size: float, horizon: float, away: bool) -> None:
    told = learnt(12, seed, horizon=horizon).size_in_cars(passage(size, away=away, horizon=horizon))
    assert told == pytest.approx(math.log(size), abs=0.15)


def test_nothing_is_said_before_a_few_cars_were_seen() -> None:
    assert learnt(LEAST_CARS - 1).size_in_cars(passage(2.0)) is None
    assert learnt(LEAST_CARS).size_in_cars(passage(2.0)) is not None


def test_nothing_is_said_of_another_place_or_heading() -> None:
    scale = learnt(12)
    assert scale.size_in_cars(passage(2.0, x=0.05)) is None
    across = SizeNotes()
    for step in range(60):
        x = 0.2 + 0.01 * step
        across.observe(Box(x - 0.05, 0.4, x + 0.05, 0.5), ASPECT)
    assert scale.size_in_cars(across) is None


def test_who_stands_or_is_cut_by_the_border_is_not_measured() -> None:
    notes = SizeNotes()
    for _ in range(50):
        notes.observe(Box(0.4, 0.4, 0.5, 0.6), ASPECT)
    assert len(notes.notes) == 1
    for step in range(50):
        notes.observe(Box(0.0, 0.1 + 0.01 * step, 0.1, 0.2 + 0.01 * step), ASPECT)
    assert len(notes.notes) == 1


def test_a_long_way_needs_no_more_memory() -> None:
    notes = SizeNotes()
    for step in range(20_000):
        notes.observe(Box(0.1 + 0.00004 * step, 0.4, 0.101 + 0.00004 * step, 0.402), ASPECT)
    assert 8 < len(notes.notes) <= 32


def test_a_van_is_a_car_and_a_lorry_none() -> None:
    """Widths and heights in metres, seen from the front."""
    car = math.sqrt(1.8 * 1.5)
    van, box_lorry, bus = (math.log(math.sqrt(w * h) / car) for w, h in ((2.0, 2.2), (2.2, 3.0), (2.55, 3.6)))
    assert van < LARGEST_CAR < box_lorry
    assert bus > SMALLEST_LORRY


CLASSES = ("car", "bus", "truck")


def final_classes(*vehicles: tuple[float, dict[str, float]]) -> list[str | None]:
    """The final classes of vehicles that pass one after the other.

    Each has a size, and the confidence of its detections per class: these come in turns.
    """
    tracker, ends, index = CameraTracker(CLASSES, 15.0), list[TrackEnd](), 0
    image = np.zeros((720, 1280, 3), np.uint8)
    for size, confidence in vehicles:
        for step in range(45):
            y2 = 0.85 - 0.012 * step
            side = 0.25 * (y2 - 0.1) * size
            box = [640 - side * 360, (y2 - side) * 720, 640 + side * 360, y2 * 720]
            name = list(confidence)[step % len(confidence)]
            seen = sv.Detections(
                xyxy=np.array([box], np.float32),
                confidence=np.array([confidence[name]], np.float32),
                class_id=np.array([CLASSES.index(name)]),
            )
            frame = Frame("c", "1", index, round(index / 15 * MICROSECONDS), image)
            ends += tracker.update(frame, seen).ended
            index += 1
        for _ in range(40):
            frame = Frame("c", "1", index, round(index / 15 * MICROSECONDS), image)
            ends += (last := tracker.update(frame, sv.Detections.empty())).ended
            index += 1
    ends += tracker.finish(last).ended
    return [end.road_user for end in ends]


CARS = [(size, {"car": 0.8}) for size in (1.0, 0.93, 1.06, 1.02, 0.97)]


@pytest.mark.parametrize(
    ("vehicle", "expected"),
    [
        ((1.2, {"truck": 0.7, "car": 0.5}), "car"),
        ((1.25, {"bus": 0.7, "car": 0.3}), "car"),
        ((1.7, {"truck": 0.7, "car": 0.5}), "truck"),
        ((2.0, {"car": 0.6, "truck": 0.4}), "truck"),
        ((2.2, {"car": 0.6, "bus": 0.4, "truck": 0.2}), "bus"),
        ((2.2, {"car": 0.8}), "car"),
        ((1.0, {"car": 0.5}), "car"),
    ],
)
def test_the_size_corrects_the_name(vehicle: tuple[float, dict[str, float]], expected: str) -> None:
    assert final_classes(*CARS, vehicle)[-1] == expected


def test_without_cars_the_votes_decide() -> None:
    assert final_classes((1.2, {"truck": 0.7, "car": 0.5})) == ["truck"]
