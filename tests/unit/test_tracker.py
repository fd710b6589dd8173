"""The tracking stage as a whole: who is believed, what is counted, what is said of it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import supervision as sv
from road_scene import (
    ROAD_USERS,
    START_US,
    Actor,
    Thing,
    bus,
    car,
    every,
    except_frames,
    going,
    person,
    play,
    standing,
)

from aforo.model import MICROSECONDS, Frame
from track.tracker import CameraTracker

RIGHT = {("right", "pedestrian"): 1}
LEFT = {("left", "pedestrian"): 1}


def unsure(after: int, confidence: float = 0.2) -> Thing:
    return person(confidence=lambda frame: 0.8 if frame < after else confidence)


# Who is believed.


def test_a_road_user_is_announced_once_with_its_whole_past() -> None:
    outcome = play(Actor(going(100, 80), [person()]), seconds=5)
    said = [seen for each in outcome.messages for seen in each.objects]
    assert [seen.first for seen in said] == [True] + [False] * (len(said) - 1)
    assert len(said[0].backfill) == 2
    assert all(not seen.backfill for seen in said[1:])
    times = [past.at_us for past in said[0].backfill]
    assert times == [START_US, START_US + MICROSECONDS // 10]


def test_a_flash_is_nobody() -> None:
    outcome = play(Actor(standing(300), [person(seen=lambda frame: frame in (10, 11))]))
    assert all(not each.objects for each in outcome.messages)
    assert outcome.users == {}


def test_a_doubtful_thing_is_nobody_however_often_it_is_seen() -> None:
    outcome = play(Actor(going(100, 80), [person(confidence=0.37)]))
    assert outcome.users == {}


def test_an_unsure_detection_starts_nothing_but_continues_what_was_sure() -> None:
    outcome = play(
        Actor(going(100, 80), [unsure(after=20)]), Actor(going(900, -80, y=200), [person(confidence=0.3)]), seconds=9
    )
    assert outcome.crossings == RIGHT


def test_every_end_belongs_to_one_announcement_and_no_id_is_used_twice() -> None:
    walkers = [Actor(going(300 - 40 * i, 60, y=100 + 90 * (i % 4)), [person()], from_s=i, to_s=i + 4) for i in range(9)]
    outcome = play(*walkers, seconds=16)
    firsts = [seen.track_id for each in outcome.messages for seen in each.objects if seen.first]
    ends = [end.track_id for each in outcome.messages for end in each.ended]
    assert len(set(firsts)) == len(firsts) == 9
    assert sorted(ends) == sorted(firsts)


def test_the_last_message_ends_everybody_and_observes_nothing() -> None:
    outcome = play(Actor(going(100, 50), [person()]), seconds=3)
    last = outcome.messages[-1]
    assert (last.last, last.span_us, last.objects) == (True, 0, ())
    assert [end.road_user for end in last.ended] == ["pedestrian"]


# Passing the line.


@pytest.mark.parametrize("fps", [2.5, 5, 10, 25, 60])
@pytest.mark.parametrize(("position_at", "expected"), [(going(150, 110), RIGHT), (going(850, -110), LEFT)])
def test_one_passage_is_one_crossing_at_any_frame_rate(fps: float, position_at: object, expected: object) -> None:
    assert play(Actor(position_at, [person()]), seconds=6, fps=fps).crossings == expected  # type: ignore[arg-type]


def test_irregular_time_stamps_change_nothing() -> None:
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.choice([0.03, 0.05, 0.1, 0.2, 0.35], 60))
    walkers = [Actor(going(60, 70, y=150), [person()]), Actor(going(940, -70, y=300), [person()])]
    outcome = play(*walkers, times=[float(t) for t in times if t < 11])
    assert outcome.crossings == RIGHT | LEFT


def test_a_pause_of_the_camera_changes_nothing_for_who_goes_on_evenly() -> None:
    times = [0.1 * i for i in range(35)] + [0.1 * i for i in range(50, 90)]
    assert play(Actor(going(100, 95), [person()]), times=times).crossings == RIGHT


@pytest.mark.parametrize("hidden", [(36, 44), (30, 48)])
def test_who_is_hidden_at_the_line_is_counted(hidden: tuple[int, int]) -> None:
    outcome = play(Actor(going(100, 100), [person(seen=except_frames(*hidden))]), seconds=9)
    assert outcome.crossings == RIGHT
    assert outcome.users == {"pedestrian": 1}


def test_a_narrow_post_before_the_line_hides_nobody() -> None:
    walkers = [
        Actor(going(100 - 160 * i, 90), [person(seen=except_frames(40 + 18 * i, 45 + 18 * i))]) for i in range(3)
    ]
    assert play(*walkers, seconds=14).crossings == {("right", "pedestrian"): 3}


def test_a_box_that_jumps_over_the_line_counts() -> None:
    fast = Actor(going(40, 700), [car(width=150, height=80)])
    assert play(fast, seconds=1.6, fps=5).crossings == {("right", "car"): 1}


def test_who_stands_on_the_line_counts_nothing() -> None:
    outcome = play(Actor(standing(500), [person()]), seconds=20, noise=0.03)
    assert outcome.crossings == {}
    assert outcome.users == {"pedestrian": 1}


def test_who_waits_on_the_line_and_goes_on_counts_once() -> None:
    def position_at(t: float) -> tuple[float, float]:
        return (300 + 100 * min(t, 2) + 100 * max(0.0, t - 8), 400)

    assert play(Actor(position_at, [person()]), seconds=12, noise=0.02).crossings == RIGHT


def test_who_comes_back_counts_again() -> None:
    def position_at(t: float) -> tuple[float, float]:
        return (300 + 100 * t if t < 4 else 700 - 100 * (t - 4), 400)

    assert play(Actor(position_at, [person()]), seconds=8).crossings == RIGHT | LEFT


def test_who_appears_just_before_the_line_is_counted_from_the_first_look_on() -> None:
    """The line is passed before the track is believed."""
    outcome = play(Actor(going(485, 100), [person()], from_s=0.0), seconds=3)
    assert outcome.crossings == RIGHT


def test_who_disappears_just_behind_the_line_is_counted() -> None:
    assert play(Actor(going(200, 100), [person()], to_s=3.1), seconds=6).crossings == RIGHT


def test_a_box_cut_by_the_border_of_the_picture_is_no_passage() -> None:
    """A wide vehicle leaves to the right and never passes the line; only its box shrinks."""
    outcome = play(Actor(going(700, 120), [bus()]), seconds=5)
    assert outcome.crossings == {}


def test_who_enters_at_the_border_is_counted_once() -> None:
    assert play(Actor(going(-200, 150), [bus()]), seconds=10).crossings == {("right", "bus"): 1}


def test_two_side_by_side_are_two() -> None:
    pair = [Actor(going(100, 80, y=400), [person()]), Actor(going(118, 80, y=408), [person()])]
    assert play(*pair, seconds=10).crossings == {("right", "pedestrian"): 2}


def test_two_pedestrians_crossing_paths_are_one_each_way() -> None:
    hidden = except_frames(43, 45)
    one, other = going(100, 90, y=400), going(900, -90, y=410)
    outcome = play(Actor(one, [person(seen=hidden)]), Actor(other, [person()]), seconds=9)
    assert outcome.crossings == RIGHT | LEFT
    assert outcome.users == {"pedestrian": 2}


def test_two_meeting_on_the_line_and_going_on_are_one_each_way() -> None:
    meet = [
        Actor(going(100, 100, y=400), [person()]),
        Actor(going(900, -100, y=404), [person(seen=except_frames(38, 42))]),
    ]
    assert play(*meet, seconds=9).crossings == RIGHT | LEFT


# Classes.


def test_a_class_that_flickers_is_voted() -> None:
    lorry = Thing(
        lambda frame: ("truck", "car", "truck", "bus")[frame % 4],
        200,
        110,
        confidence=lambda f: 0.7 if f % 2 == 0 else 0.4,
    )
    assert play(Actor(going(50, 100), [lorry]), seconds=9).crossings == {("right", "truck"): 1}


def test_the_final_class_is_that_of_the_whole_life() -> None:
    van = Thing(lambda frame: "truck" if frame < 50 else "car", 160, 90, confidence=lambda f: 0.45 if f < 50 else 0.85)
    outcome = play(Actor(going(50, 100), [van]), seconds=9)
    at_the_line = [seen.road_user for seen in outcome.messages[46].objects]
    assert at_the_line == ["truck"]
    assert outcome.crossings == {("right", "car"): 1}


def test_a_car_box_and_a_truck_box_on_one_lorry_are_one() -> None:
    both = [
        Thing("truck", 200, 110, confidence=0.7, seen=every(2)),
        Thing("car", 190, 104, dx=4, confidence=0.5),
        Thing("bus", 204, 112, confidence=0.3, seen=every(3)),
    ]
    assert play(Actor(going(50, 100), both), seconds=9).users == {"truck": 1}


def test_what_is_at_first_taken_for_something_else_is_counted_from_the_first_look_on() -> None:
    odd = car(label=lambda frame: "something else" if frame < 35 else "car")
    assert play(Actor(going(200, 100), [odd]), seconds=7).crossings == {("right", "car"): 1}


def test_what_is_never_taken_for_a_road_user_is_none() -> None:
    assert play(Actor(going(200, 100), [car(label="something else")]), seconds=7).users == {}


def test_two_cars_that_overlap_stay_two() -> None:
    """Side by side in two lanes, one half hidden by the other."""
    pair = [Actor(going(50, 120, y=400), [car()]), Actor(going(100, 120, y=380), [car()])]
    assert play(*pair, seconds=8).crossings == {("right", "car"): 2}


# Time and state.


def test_the_span_is_the_time_since_the_last_frame_and_never_an_unwatched_gap() -> None:
    outcome = play(times=[0.0, 0.1, 0.3, 5.0, 5.1])
    assert [each.span_us for each in outcome.messages] == [0, 100_000, 200_000, 100_000, 100_000, 0]


def test_every_frame_is_a_message_also_when_nobody_is_there() -> None:
    outcome = play(seconds=2)
    assert [each.index for each in outcome.messages] == list(range(21))


def test_the_same_scene_gives_the_same_messages() -> None:
    scene = [Actor(going(100, 80), [person()]), Actor(going(50, 120, y=300), [car()])]
    assert play(*scene, noise=0.03).messages == play(*scene, noise=0.03).messages


def test_nothing_is_kept_of_road_users_that_are_over() -> None:
    """Ten times as long a day leaves no more behind."""

    def objects_left(people: int) -> int:
        tracker = CameraTracker(ROAD_USERS, 10)
        image = np.zeros((500, 1000, 3), np.uint8)
        index = 0
        for number in range(people):
            for step in range(12):
                x = 200 + 10 * step + (number % 3) * 200
                seen = sv.Detections(
                    xyxy=np.array([[x, 200, x + 40, 290], [x - 20, 240, x + 50, 295]], np.float32),
                    confidence=np.array([0.8, 0.6], np.float32),
                    class_id=np.array([0, 1]),
                )
                shown = seen if step < 6 else sv.Detections.empty()
                frame = Frame("c", "s", index, START_US + index * 500_000, image)
                tracker.update(frame, shown)
                index += 1
        gc.collect()
        return _reachable(tracker)

    assert objects_left(60) == objects_left(6)


def _reachable(root: object) -> int:
    """How many containers and elements hang on an object."""
    seen: set[int] = set()
    stack, total = [root], 0
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, type):
            continue
        seen.add(id(item))
        total += 1 + (len(item) if isinstance(item, dict | list | set | tuple | np.ndarray) else 0)
        stack += [each for each in gc.get_referents(item) if gc.is_tracked(each) and "track" in type(each).__module__]
        stack += [each for each in gc.get_referents(item) if isinstance(each, dict | list | set | np.ndarray)]
    return total
