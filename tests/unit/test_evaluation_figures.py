"""Interval, confusion, sizes, light and AI City score, by examples that can be worked out by hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aforo.config.camera import CameraSection
from aforo.errors import ConfigurationError
from app.validation.ai_city_score import ai_city_score
from app.validation.conditions import brightness, light, size, size_scores, total_score
from app.validation.confidence_interval import Interval, wape_interval
from app.validation.counting_errors_page import EvaluatedClip
from app.validation.evaluation_document import by_light, evaluation_document
from app.validation.event_matching import UNSTATED, ClassScore, CountedEvent, LineEvents, confusion
from app.validation.truth import LineResult, LineTruth

RATE = 10.0
Event = tuple[int, int, str, str]


def line(true: Sequence[Event], counted: Sequence[CountedEvent], frames: int = 100, clip: str = "a.mp4") -> LineEvents:
    """A line of a clip whose truth has those events."""
    numbers = Counter((direction, road_user) for _, _, direction, road_user in true if road_user)
    truth = LineTruth(clip, ((0, 0), (9, 9)), numbers, {}, tuple(true))
    return LineEvents(
        LineResult(truth, Counter((e.direction, e.road_user) for e in counted)), tuple(counted), RATE, frames
    )


def at(frame: int, road_user: str = "car", area_px: float | None = None, direction: str = "up") -> CountedEvent:
    return CountedEvent(frame, direction, road_user, 1, area_px)


def clip_of(true: int, counted: int, clip: str) -> LineResult:
    return LineResult(LineTruth(clip, ((0, 0), (9, 9)), {("up", "car"): true}), {("up", "car"): counted})


def test_the_confusion_matrix_tells_what_was_taken_for_what() -> None:
    """A bus counted as a car, a car found, one missed, and a truck nobody saw."""
    events = line(
        [(10, 12, "up", "bus"), (20, 22, "up", "car"), (60, 62, "up", "car")],
        [at(11, "car"), at(21, "car"), at(90, "truck")],
    )
    assert confusion([events]) == {("bus", "car"): 1, ("car", "car"): 1, ("car", None): 1, (None, "truck"): 1}


def test_the_right_class_is_matched_before_a_wrong_one() -> None:
    """The car lies nearer to the bus's passage in time, and is still the car's."""
    events = line([(20, 20, "up", "bus"), (25, 25, "up", "car")], [at(20, "car"), at(24, "bus")])
    assert confusion([events]) == {("bus", "bus"): 1, ("car", "car"): 1}


def test_another_direction_is_no_confusion_of_classes() -> None:
    events = line([(20, 20, "up", "bus")], [at(20, "car", direction="down")])
    assert confusion([events]) == {("bus", None): 1, (None, "car"): 1}


def test_a_class_that_the_truth_does_not_tell_is_named_so() -> None:
    numbers = {("up", "car"): 1, ("up", "truck"): 1}
    truth = LineTruth("a.mp4", ((0, 0), (9, 9)), numbers, {}, ((20, 20, "up", ""), (60, 60, "up", "")))
    events = LineEvents(LineResult(truth, {("up", "car"): 2}), (at(20), at(60)), RATE)
    assert confusion([events]) == {(UNSTATED, "car"): 2}


def test_lines_without_times_are_in_no_matrix() -> None:
    untimed = LineEvents(clip_of(2, 1, "a.mp4"), (at(20),), RATE)
    assert confusion([untimed]) == {}
    assert size_scores([untimed]) == {}
    assert ai_city_score([untimed]) is None


@pytest.mark.parametrize(
    ("area_px", "name"),
    [(None, "unknown"), (1023, "small"), (1024, "medium"), (9216, "medium"), (9217, "large")],
)
def test_sizes_are_those_of_coco(area_px: float | None, name: str) -> None:
    assert size(area_px) == name


def test_scores_by_size() -> None:
    """A small car found, a small one missed (as large as the other), a large bus counted as a truck."""
    events = line(
        [(10, 10, "up", "car"), (40, 40, "up", "car"), (70, 70, "up", "bus"), (95, 95, "up", "cyclist")],
        [at(10, "car", 500), at(70, "truck", 20_000)],
    )
    assert size_scores([events]) == {
        "small": ClassScore(2, 1, 1),
        "large": ClassScore(1, 1, 0),
        "unknown": ClassScore(1, 0, 0),
    }


@pytest.mark.parametrize(
    ("mean", "name"), [(None, "unknown"), (49.9, "night"), (50, "dusk"), (79.9, "dusk"), (80, "day")]
)
def test_light_by_mean_brightness(mean: float | None, name: str) -> None:
    assert light(mean) == name


def test_brightness_is_the_mean_luma() -> None:
    assert brightness(np.full((40, 40, 3), 77, np.uint8)) == pytest.approx(77)
    assert brightness(np.full((40, 40, 3), (0, 200, 0), np.uint8)) == pytest.approx(0.587 * 200)


def test_figures_by_light() -> None:
    camera = CameraSection.of_recording(Path("a.mp4"))
    found = line([(10, 10, "up", "car")], [at(10)])
    lost = line([(10, 10, "up", "car"), (30, 30, "up", "car")], [at(10)])
    clips = [
        EvaluatedClip(Path("a.mp4"), camera, [found], brightness=120),
        EvaluatedClip(Path("b.mp4"), camera, [lost], brightness=20),
    ]
    one = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    half = {"precision": 1.0, "recall": 0.5, "f1": 0.6667}
    assert by_light(clips) == {
        "day": {"clips": 1, "true": 1, "error": 0, "wape": 0.0} | one,
        "night": {"clips": 1, "true": 2, "error": 1, "wape": 0.5} | half,
    }


def test_the_ai_city_score_of_one_lost_half_way() -> None:
    """Two pass, at frames 5 and 55 of 100; the second is lost. It is missing at the end of segments 6 to 10 of 10:
    wRMSE² = (6 + 7 + 8 + 9 + 10) / 55 = 8/11, normalised by 2."""
    events = line([(5, 5, "up", "car"), (55, 55, "up", "car")], [at(5)])
    assert ai_city_score([events]) == pytest.approx(1 - math.sqrt(8 / 11) / 2)


def test_the_ai_city_score_weighs_classes_by_their_number() -> None:
    """Three cars are right, the bus at the beginning is a truck: its own score is 0, the truck costs nothing."""
    cars: list[Event] = [(20, 20, "up", "car"), (40, 40, "up", "car"), (60, 60, "up", "car")]
    events = line([(2, 2, "up", "bus"), *cars], [at(2, "truck"), at(20), at(40), at(60)])
    assert ai_city_score([events]) == pytest.approx(3 / 4)


def test_the_ai_city_score_is_never_below_zero() -> None:
    assert ai_city_score([line([(5, 5, "up", "car")], [at(5), at(6), at(7), at(8)])]) == 0


def test_a_long_passage_across_the_border_of_a_segment_is_no_error() -> None:
    assert ai_city_score([line([(15, 35, "up", "car")], [at(33)])]) == 1


def test_no_interval_of_few_clips() -> None:
    """Also where a fifth clip is there in which nobody passes."""
    assert wape_interval([clip_of(3, 2, str(i)) for i in range(4)]) is None
    assert wape_interval([*(clip_of(3, 2, str(i)) for i in range(4)), clip_of(0, 0, "empty")]) is None


def test_an_interval_of_equal_clips_is_a_point() -> None:
    assert wape_interval([clip_of(4, 3, str(i)) for i in range(5)]) == Interval(0.25, 0.25)


def test_lines_of_one_clip_stay_together() -> None:
    """Each clip has a line with all wrong and one with all right, so every draw of clips has half."""
    results = [clip_of(2, counted, str(i)) for i in range(5) for counted in (0, 2)]
    assert wape_interval(results) == Interval(0.5, 0.5)


def test_an_interval_holds_the_spread_of_clips() -> None:
    """One clip of ten is all wrong: it is drawn 0 to 3 times in 95 % of the draws (binomial, n = 10, p = 0.1)."""
    results = [clip_of(10, 0 if i == 0 else 10, str(i)) for i in range(10)]
    assert wape_interval(results) == pytest.approx((0.0, 0.3))


def test_no_error_is_not_certainty() -> None:
    """1 − 0.025^(1/50) = 7.1 %."""
    assert wape_interval([clip_of(10, 10, str(i)) for i in range(5)]) == pytest.approx((0.0, 0.0711), abs=1e-4)


def test_the_score_of_all_classes_together() -> None:
    events = line([(10, 10, "up", "car"), (40, 40, "up", "bus")], [at(10), at(40, "truck")])
    assert total_score([events]) == ClassScore(2, 2, 1)
    assert total_score([]) == ClassScore(0, 0, 0)


def test_the_document_says_what_it_does_not_know() -> None:
    camera = CameraSection.of_recording(Path("a.mp4"))
    untimed = LineEvents(clip_of(2, 1, "a.mp4"), (at(20),), RATE)
    document = evaluation_document([EvaluatedClip(Path("a.mp4"), camera, [untimed])], [])
    assert (document["wape"], document["wape_interval"], document["ai_city"]["score"]) == (0.5, None, None)
    assert (document["confusion"], document["untimed"], document["sizes"]) == ([], 2, {})
    assert document["clips"] == [{"clip": "a.mp4", "brightness": None, "light": "unknown"}]


def test_a_truth_without_road_users_has_no_figures() -> None:
    with pytest.raises(ConfigurationError, match="holds no road users"):
        evaluation_document([], [])
