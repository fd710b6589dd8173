"""What must hold of the tracking stage whatever moves through the picture."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import supervision as sv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from road_scene import HEIGHT, ROAD_USERS, START_US, WIDTH, Actor, Outcome, bicycle, car, going, person, play, rider

from aforo.model import Box, Frame, TrackedFrame
from track.rider_pairing import pair_riders
from track.tracker import CameraTracker
from track.tracklet import displacement

modest = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])

KINDS = {"pedestrian": [person()], "cyclist": [rider(), bicycle()], "car": [car()]}


@st.composite
def lanes(draw: st.DrawFn) -> list[tuple[str, Actor]]:
    """Road users who go evenly from border to border, each in a lane of their own."""
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
    actors = []
    for lane, name in enumerate(names):
        speed = draw(st.floats(90, 160))
        right = draw(st.booleans())
        start = draw(st.floats(-60, 60))
        position_at = (
            going(start, speed, y=110 + 120 * lane) if right else going(WIDTH - start, -speed, y=110 + 120 * lane)
        )
        actors.append((name, Actor(position_at, KINDS[name])))
    return actors


def true_crossings(scene: list[tuple[str, Actor]]) -> Counter[tuple[str, str]]:
    return Counter(
        ("right" if actor.position_at(1)[0] > actor.position_at(0)[0] else "left", name) for name, actor in scene
    )


@modest
@given(lanes(), st.sampled_from([5.0, 10.0, 25.0]), st.integers(0, 99))
def test_everybody_in_a_lane_of_their_own_is_counted_once(
    scene: list[tuple[str, Actor]], fps: float, seed: int
) -> None:
    outcome = play(*(actor for _, actor in scene), seconds=12, fps=fps, seed=seed)
    assert outcome.crossings == true_crossings(scene)


@modest
@given(lanes(), st.lists(st.floats(0.03, 0.3), min_size=60, max_size=120))
def test_any_time_stamps_give_the_same_counts(scene: list[tuple[str, Actor]], steps: list[float]) -> None:
    times = np.concatenate([np.cumsum(steps), np.cumsum(steps)[-1] + np.arange(1, 130) * 0.1])
    outcome = play(*(actor for _, actor in scene), times=[float(t) for t in times if t < 13])
    assert outcome.crossings == true_crossings(scene)


def any_frames(seed: int, number: int = 40) -> list[sv.Detections]:
    """Boxes of any class and confidence, anywhere, some of them again and again."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, [WIDTH, HEIGHT], (6, 2))
    frames = []
    for _ in range(number):
        count = int(rng.integers(0, 12))
        centre = places[rng.integers(0, 6, count)] + rng.normal(0, 12, (count, 2))
        size = rng.uniform(5, 120, (count, 2))
        boxes = np.clip(np.hstack([centre - size / 2, centre + size / 2]), 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
        kept = (boxes[:, 2:] - boxes[:, :2] > 1).all(axis=1)
        frames.append(
            sv.Detections(
                xyxy=boxes[kept].astype(np.float32),
                confidence=rng.uniform(0.05, 1, count)[kept].astype(np.float32),
                class_id=rng.integers(0, len(ROAD_USERS), count)[kept],
            )
        )
    return frames


def messages_of(frames: list[sv.Detections]) -> list[TrackedFrame]:
    tracker = CameraTracker(ROAD_USERS, 10)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    messages = [
        tracker.update(Frame("c", "s", i, START_US + i * 100_000, image), each) for i, each in enumerate(frames)
    ]
    return [*messages, tracker.finish(messages[-1])]


@modest
@given(st.integers(0, 10_000))
def test_whatever_is_detected_the_messages_are_sound(seed: int) -> None:
    messages = messages_of(any_frames(seed))
    announced: set[int] = set()
    over: set[int] = set()
    for each in messages:
        ids = [seen.track_id for seen in each.objects]
        assert len(set(ids)) == len(ids), "one box per road user and frame"
        for seen in each.objects:
            assert seen.first == (seen.track_id not in announced)
            assert seen.track_id not in over, "nobody comes back after the end"
            assert 0 <= seen.box.x1 < seen.box.x2 <= 1
            assert 0 <= seen.box.y1 < seen.box.y2 <= 1
            assert 0 < seen.confidence <= 1
            assert not seen.backfill or seen.first
            times = [past.at_us for past in seen.backfill]
            assert times == sorted(set(times))
            assert all(at_us < each.captured_at_us for at_us in times)
            announced.add(seen.track_id)
        for end in each.ended:
            assert end.track_id in announced - over, "only who was announced ends, and once"
            over.add(end.track_id)
    assert over == announced


@modest
@given(st.integers(0, 10_000))
def test_the_order_of_detections_means_nothing(seed: int) -> None:
    frames = any_frames(seed)
    rng = np.random.default_rng(seed)
    shuffled = [each[rng.permutation(len(each))] for each in frames]
    assert _summary(messages_of(shuffled)) == _summary(messages_of(frames))


def _summary(messages: list[TrackedFrame]) -> list[Counter[tuple[str, Box]]]:
    """Who is where, in each frame; which of two that appear at once has the smaller id depends on the order."""
    return [Counter((seen.road_user, seen.box) for seen in each.objects) for each in messages]


@modest
@given(lanes(), st.integers(0, 99))
def test_a_mirrored_scene_gives_mirrored_counts(scene: list[tuple[str, Actor]], seed: int) -> None:
    straight = play(*(actor for _, actor in scene), seconds=12, seed=seed)
    flipped = play(*(_mirrored(actor) for _, actor in scene), seconds=12, seed=seed)
    swapped = {"left": "right", "right": "left"}
    assert flipped.crossings == Counter(
        {(swapped[going_to], name): n for (going_to, name), n in straight.crossings.items()}
    )


def _mirrored(actor: Actor) -> Actor:
    things = [replace(thing, dx=-thing.dx) for thing in actor.things]
    return replace(
        actor, position_at=lambda t: (WIDTH - actor.position_at(t)[0], actor.position_at(t)[1]), things=things
    )


@modest
@given(lanes(), st.floats(0.5, 2.0))
def test_a_clip_played_faster_or_slower_gives_the_same_counts(scene: list[tuple[str, Actor]], factor: float) -> None:
    """As long as nobody on foot becomes faster than people are: that would be a rider."""
    if any(name == "pedestrian" for name, _ in scene):
        factor = min(factor, FASTEST_WALK)
    actors = [replace(actor, position_at=lambda t, a=actor: a.position_at(t * factor)) for _, actor in scene]
    times = [t / factor for t in np.arange(0, 12, 0.1)]
    assert _crossings(play(*actors, times=times)) == true_crossings(scene)


FASTEST_WALK = 1.3
"""Greatest factor at which a pedestrian of `lanes` makes no more than 2.3 body heights a second."""


def _crossings(outcome: Outcome) -> Counter[tuple[str, str]]:
    return outcome.crossings


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.floats(0, 0.8),
    st.floats(0, 0.8),
    st.floats(0.02, 0.2),
    st.floats(0.02, 0.2),
)


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_a_person_has_one_machine_or_boxes_of_one(persons: list[Box], machines: list[Box]) -> None:
    pairs = pair_riders(persons, machines)
    assert all(0 <= i < len(persons) and 0 <= j < len(machines) for i, j in pairs)
    for i in {i for i, _ in pairs}:
        own = [machines[j] for k, j in pairs if k == i]
        assert all(a.x1 < b.x2 and b.x1 < a.x2 and a.y1 < b.y2 and b.y1 < a.y2 for a in own for b in own)


@given(boxes, st.floats(0.5, 2))
def test_a_box_that_only_grows_has_not_moved(box: Box, factor: float) -> None:
    x, y = box.centre
    half = box.width * factor / 2, box.height * factor / 2
    grown = Box(x - half[0], y - half[1], x + half[0], y + half[1])
    assert displacement(box, grown, 1.5) < 1e-9


@given(boxes, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_there_and_back_are_equally_far(box: Box, dx: float, dy: float) -> None:
    moved = Box(box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy)
    assert abs(displacement(box, moved, 1.5) - displacement(moved, box, 1.5)) < 1e-9
