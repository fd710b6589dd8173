"""Riders whose machine is hardly seen, told from walkers, runners and people who push; scenes made of boxes."""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aforo.model import MICROSECONDS, Box
from track.riding import Machine, RidingEvidence

HEIGHT = 0.12
"""Of the person, share of the frame."""

ASPECT = 16 / 9

Machines = Callable[[int, float], Sequence[Machine]]
"""The machines of a frame, by its number and the person's x."""


def person_at(x: float) -> Box:
    width = 0.4 * HEIGHT / ASPECT
    return Box(x - width / 2, 0.5, x + width / 2, 0.5 + HEIGHT)


def machine_at(x: float, road_user: str, confidence: float, lower: float = 0.15) -> Machine:
    """A machine as high as half the person; its lower edge is below the person's feet by a share of its height."""
    width, height = 0.45 * HEIGHT / ASPECT, 0.5 * HEIGHT
    y2 = 0.5 + HEIGHT + lower * height
    return Machine(Box(x - width / 2, y2 - height, x + width / 2, y2), road_user, confidence)


def nothing(frame: int, x: float) -> Sequence[Machine]:
    """No machine is seen."""
    return ()


def seen(speed: float, machines: Machines = nothing, *, fps: float = 15, seconds: float = 6) -> str | None:
    """What the evidence says of a person who crosses the frame at that speed, in heights per second."""
    evidence = RidingEvidence()
    for frame in range(round(fps * seconds)):
        x = 0.1 + speed * HEIGHT / ASPECT * frame / fps
        if x > 0.9:
            break
        evidence.observe(round(frame / fps * MICROSECONDS), person_at(x), ASPECT, machines(frame, x))
    return evidence.rider


def ridden(road_user: str, share: float, seed: int, lower: float = 0.15) -> Machines:
    """The machine under the person, found in a share of the frames, and not quite in its place."""
    chance = random.Random(seed)

    def machines(frame: int, x: float) -> Sequence[Machine]:
        if chance.random() > share:
            return ()
        return [machine_at(x + chance.gauss(0, 0.03) * HEIGHT / ASPECT, road_user, 0.1, lower)]

    return machines


def parked(gap: float, seed: int) -> Machines:
    """A row of parked machines, so many person's heights apart, found surely."""
    first = random.Random(seed).random() * gap

    def machines(frame: int, x: float) -> Sequence[Machine]:
        return [machine_at((first + gap * number) * HEIGHT / ASPECT, "motorcyclist", 0.6) for number in range(60)]

    return machines


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.5, 3.5), st.sampled_from(["cyclist", "motorcyclist"]), st.floats(0.35, 1), st.integers(0, 999),
    st.sampled_from([8.0, 15.0, 30.0]),
)  # fmt: skip
def test_a_machine_that_keeps_its_place_under_a_moving_person_is_ridden(
    speed: float, road_user: str, share: float, seed: int, fps: float
) -> None:
    assert seen(speed, ridden(road_user, share, seed), fps=fps, seconds=8 / speed + 2) == road_user


@settings(deadline=None, max_examples=60)
@given(st.floats(0.3, 1.2), st.floats(0.35, 3), st.integers(0, 999), st.sampled_from([5.0, 12.0, 30.0]))
def test_a_walker_who_passes_a_row_of_parked_machines_rides_none(
    speed: float, gap: float, seed: int, fps: float
) -> None:
    assert seen(speed, parked(gap, seed), fps=fps, seconds=12) is None


@pytest.mark.parametrize("speed", [0.0, 0.2])
def test_who_stands_before_a_parked_machine_rides_none(speed: float) -> None:
    assert seen(speed, lambda frame, x: [machine_at(0.1, "motorcyclist", 0.9)], seconds=20) is None


@pytest.mark.parametrize(
    ("speed", "expected"), [(0.8, None), (1.2, None), (1.8, None), (2.2, None), (3.0, "cyclist"), (5.0, "motorcyclist")]
)
def test_speed_alone_tells_riders_from_walkers_and_runners(speed: float, expected: str | None) -> None:
    assert seen(speed) == expected


def test_who_stands_for_long_before_parked_machines_takes_no_memory() -> None:
    evidence, row = RidingEvidence(), [machine_at(0.1 + 0.01 * number, "motorcyclist", 0.9) for number in range(20)]
    frames = ((frame * 100_000, person_at(0.1)) for frame in range(4000))
    for at_us, person in itertools.islice(frames, 500):
        evidence.observe(at_us, person, ASPECT, row)
    before = len(pickle.dumps(evidence))
    for at_us, person in frames:
        evidence.observe(at_us, person, ASPECT, row)
    assert len(pickle.dumps(evidence)) <= before


def test_a_bicycle_that_is_pushed_is_not_ridden() -> None:
    """Who pushes has the feet on the ground, as low as the wheels."""
    assert seen(0.7, ridden("cyclist", 0.8, 1, lower=0.0), seconds=10) is None


def test_a_few_jumps_of_a_hidden_person_say_nothing() -> None:
    evidence = RidingEvidence()
    for frame, x in enumerate([0.2, 0.2, 0.25, 0.25, 0.31, 0.36, 0.36]):
        evidence.observe(frame * 50_000, person_at(x), ASPECT, ())
    assert evidence.strides == 3
    assert evidence.speed > 2
    assert evidence.rider is None


def test_a_box_cut_by_the_border_says_nothing() -> None:
    evidence = RidingEvidence()
    for frame in range(40):
        box = Box(0.0, 0.5, 0.02 + 0.004 * frame, 0.5 + HEIGHT)
        evidence.observe(frame * 50_000, box, ASPECT, [machine_at(0.01, "cyclist", 0.9)])
    assert (evidence.strides, evidence.rider) == (0, None)


def test_the_evidence_of_pieces_of_a_track_adds_up() -> None:
    parts = [RidingEvidence(), RidingEvidence()]
    for frame in range(60):
        x = 0.1 + 1.5 * HEIGHT / ASPECT * frame / 15
        parts[frame // 30].observe(
            round(frame / 15 * MICROSECONDS), person_at(x), ASPECT, [machine_at(x, "cyclist", 0.1)]
        )
    whole = RidingEvidence()
    for part in parts:
        whole.add(part)
    assert whole.strides == sum(part.strides for part in parts)
    assert whole.log_odds == pytest.approx(sum(part.log_odds for part in parts))
    assert whole.rider == "cyclist"
