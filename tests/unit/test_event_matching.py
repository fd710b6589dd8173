"""Crossings against the truth one by one, by examples that can be worked out by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from app.validation.event_matching import ClassScore, CountedEvent, LineEvents, WrongEvent, class_scores, confusion
from app.validation.truth import LineResult, LineTruth

RATE = 10.0
Event = tuple[int, int, str, str]


def line(
    true: Sequence[Event], counted: Sequence[CountedEvent], either: dict[str, int] | None = None, timed: bool = True
) -> LineEvents:
    """A line whose truth has those events; without `timed` it gives only their numbers."""
    numbers = Counter((direction, road_user) for _, _, direction, road_user in true if road_user)
    truth = LineTruth("a.mp4", ((0, 0), (9, 9)), numbers, either or {}, tuple(true) if timed else ())
    found = Counter((each.direction, each.road_user) for each in counted)
    return LineEvents(LineResult(truth, found), tuple(counted), RATE)


def at(frame: int, road_user: str = "car", direction: str = "up", track_id: int = 1) -> CountedEvent:
    return CountedEvent(frame, direction, road_user, track_id)


def test_nothing_is_wrong_when_everybody_is_counted_in_time() -> None:
    events = line([(20, 30, "up", "car"), (50, 50, "up", "car")], [at(25), at(52)])
    assert events.wrong == []
    assert events.matched() == {("up", "car"): 2}


def test_who_is_not_counted_is_missed_in_the_frames_of_the_truth() -> None:
    events = line([(20, 30, "up", "car"), (50, 55, "up", "car")], [at(25)])
    assert events.wrong == [WrongEvent("missed", 50, 55, "up", "car", None)]


def test_who_is_counted_twice_is_once_too_many_where_it_fits_worse() -> None:
    events = line([(20, 30, "up", "car")], [at(38, track_id=2), at(26, track_id=1)])
    assert events.wrong == [WrongEvent("extra", 38, 38, "up", "car", 2)]


def test_within_the_tolerance_before_and_after_it_is_the_same() -> None:
    assert line([(20, 30, "up", "car")], [at(10)]).wrong == []
    assert line([(20, 30, "up", "car")], [at(40)]).wrong == []
    assert [each.kind for each in line([(20, 30, "up", "car")], [at(41)]).wrong] == ["missed", "extra"]


def test_another_direction_or_class_is_missed_and_extra() -> None:
    assert [e.kind for e in line([(20, 20, "up", "car")], [at(20, direction="down")]).wrong] == ["missed", "extra"]
    assert [e.kind for e in line([(20, 20, "up", "car")], [at(20, "bus")]).wrong] == ["missed", "extra"]


def test_pairs_are_chosen_all_at_once() -> None:
    """The first would be nearer to the second's crossing, which would leave the second without one."""
    events = line([(20, 20, "up", "car"), (28, 28, "up", "car")], [at(27), at(36)])
    assert events.wrong == []


def test_an_event_without_a_class_is_of_the_only_one_that_passed_in_that_direction() -> None:
    truth = LineTruth("a.mp4", ((0, 0), (9, 9)), {("up", "car"): 1}, {}, ((20, 20, "up", ""),))
    events = LineEvents(LineResult(truth, {("up", "bus"): 1}), (at(20, "bus"),), RATE)
    assert events.wrong[0] == WrongEvent("missed", 20, 20, "up", "car", None)


def test_an_event_without_a_class_may_be_any_of_several() -> None:
    numbers = {("up", "car"): 1, ("up", "truck"): 1}
    truth = LineTruth("a.mp4", ((0, 0), (9, 9)), numbers, {}, ((20, 20, "up", ""), (60, 60, "up", "")))
    events = LineEvents(LineResult(truth, {("up", "car"): 2}), (at(20), at(60)), RATE)
    assert events.wrong == []
    assert events.matched() == {("up", "car"): 1}


def test_without_times_only_numbers_are_compared() -> None:
    events = line([(20, 20, "up", "car"), (30, 30, "up", "car")], [at(500)], timed=False)
    assert not events.timed
    assert events.wrong == []
    assert events.matched() == {("up", "car"): 1}


def test_scores_of_all_lines_add_up() -> None:
    lines = [
        line([(20, 20, "up", "car"), (40, 40, "up", "car")], [at(20), at(90)]),
        line([(10, 10, "up", "bus")], [at(10, "bus")]),
    ]
    assert class_scores(lines) == {"bus": ClassScore(1, 1, 1), "car": ClassScore(2, 2, 1)}


def test_either_class_is_left_out_on_both_sides() -> None:
    events = line([(20, 20, "up", "car")], [at(20), at(60, "truck")], either={"up": 1}, timed=False)
    assert class_scores([events]) == {"car": ClassScore(1, 1, 1)}


def test_precision_recall_and_f1() -> None:
    score = ClassScore(true=4, counted=5, matched=3)
    assert (score.precision, score.recall, score.f1) == (3 / 5, 3 / 4, pytest.approx(2 / 3))
    assert (ClassScore(0, 2, 0).precision, ClassScore(0, 2, 0).recall, ClassScore(0, 2, 0).f1) == (0, None, 0)
    assert (ClassScore(2, 0, 0).precision, ClassScore(0, 0, 0).f1) == (None, None)


def pick_up(counted: str) -> LineEvents:
    """A pick-up, which may be called car or truck, passes after a car, and is counted as that."""
    events = ((20, 20, "up", "car"), (60, 60, "up", "pick-up"))
    truth = LineTruth(
        "a.mp4", ((0, 0), (9, 9)), {("up", "car"): 1}, {"up": 1}, events, {"pick-up": frozenset({"car", "truck"})}
    )
    found = [at(20), at(60, counted)]
    return LineEvents(LineResult(truth, Counter((e.direction, e.road_user) for e in found)), tuple(found), RATE)


@pytest.mark.parametrize("counted", ["car", "truck"])
def test_each_class_in_the_brackets_is_right_and_counts_for_no_class(counted: str) -> None:
    events = pick_up(counted)
    assert events.wrong == []
    assert class_scores([events]) == {"car": ClassScore(1, 1, 1)}
    assert confusion([events]) == {("car", "car"): 1, ("pick-up", counted): 1}


def test_a_class_outside_the_brackets_is_wrong() -> None:
    events = pick_up("pedestrian")
    assert [(e.kind, e.road_user) for e in events.wrong] == [("missed", "pick-up"), ("extra", "pedestrian")]
    assert class_scores([events]) == {"car": ClassScore(1, 1, 1), "pedestrian": ClassScore(0, 1, 0)}
    assert confusion([events]) == {("car", "car"): 1, ("pick-up", "pedestrian"): 1}
