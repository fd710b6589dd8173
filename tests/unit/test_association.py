"""Which detection continues which track."""

from __future__ import annotations

import math

import numpy as np
import pytest

from track.association import LOST_S, Associator, Confidence

LIMITS = Confidence(start=0.35, high=0.35)
SURE, UNSURE, START = 0.8, 0.2, 0.4


def box(x: float, y: float = 200, width: float = 40, height: float = 90) -> tuple[float, float, float, float]:
    return (x - width / 2, y - height, x + width / 2, y)


class Scene:
    """Feeds an associator frame by frame."""

    def __init__(self, step_s: float = 0.1) -> None:
        self._associator = Associator(LIMITS)
        self.now_s, self.step_s = 0.0, step_s
        self.followed: set[int] = set()

    def see(self, *boxes: tuple[float, float, float, float], confidence: float | list[float] = SURE) -> list[int]:
        self.now_s += self.step_s
        sure = [confidence] * len(boxes) if isinstance(confidence, float) else confidence
        ids = self._associator.update(np.array(boxes, float).reshape(-1, 4), np.array(sure, float), self.now_s)
        self.followed |= {int(i) for i in ids if i}
        assert self.followed >= set(self._associator.given_up)
        self.followed -= set(self._associator.given_up)
        return [int(i) for i in ids]

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / self.step_s)):
            self.see()


def test_one_track_for_one_thing_that_moves() -> None:
    scene = Scene()
    assert {tuple(scene.see(box(100 + 10 * i))) for i in range(20)} == {(1,)}


def test_unsure_detections_start_nothing() -> None:
    scene = Scene()
    assert [scene.see(box(100), confidence=UNSURE) for _ in range(10)] == [[0]] * 10
    assert scene.see(box(100), confidence=START) == [1]


def test_unsure_detections_continue_what_was_seen_in_the_last_frame() -> None:
    scene = Scene()
    for i in range(5):
        scene.see(box(100 + 10 * i))
    assert [scene.see(box(100 + 10 * i), confidence=UNSURE) for i in range(5, 10)] == [[1]] * 5


def test_unsure_detections_find_nothing_again_that_was_lost() -> None:
    scene = Scene()
    for _ in range(5):
        scene.see(box(100))
    scene.wait(0.5)
    assert scene.see(box(100), confidence=UNSURE) == [0]
    assert scene.see(box(100)) == [1]


def test_detections_less_sure_than_the_least_are_not_used() -> None:
    scene = Scene()
    scene.see(box(100))
    assert scene.see(box(100), confidence=0.1) == [0]


@pytest.mark.parametrize("gap_s", [0.5, 1.0, 1.8])
def test_a_settled_track_survives_a_gap_in_its_even_motion(gap_s: float) -> None:
    scene = Scene()
    for i in range(15):
        scene.see(box(100 + 8 * i))
    scene.wait(gap_s)
    assert scene.see(box(100 + 8 * 15 + 80 * gap_s)) == [1]


def test_a_lost_track_is_given_up_in_time_and_its_id_never_used_again() -> None:
    scene = Scene()
    for _ in range(5):
        scene.see(box(100))
    scene.wait(LOST_S + 0.2)
    assert scene.followed == set()
    assert scene.see(box(100)) == [2]


def test_a_flash_is_given_up_at_once() -> None:
    scene = Scene()
    scene.see(box(100))
    scene.wait(0.5)
    assert scene.followed == set()


def test_who_crosses_paths_keeps_their_ids() -> None:
    scene = Scene()
    for i in range(41):
        left, right = box(100 + 10 * i, 200), box(500 - 10 * i, 215)
        ids = scene.see(left, right) if abs(i - 20) > 1 else scene.see(right)  # one hides the other
        if abs(i - 20) > 1:
            assert ids == [1, 2]


def test_who_stands_is_not_carried_off_by_who_passes() -> None:
    scene = Scene()
    for i in range(41):
        passing, standing = box(100 + 10 * i, 210), box(300, 200)
        hidden = 240 < 100 + 10 * i < 330
        ids = scene.see(passing) if hidden else scene.see(passing, standing)
        assert ids == ([1] if hidden else [1, 2])


def test_two_side_by_side_stay_two() -> None:
    scene = Scene()
    assert {tuple(scene.see(box(100 + 10 * i), box(125 + 10 * i))) for i in range(30)} == {(1, 2)}


def test_a_small_fast_thing_that_never_overlaps_itself_is_followed() -> None:
    scene = Scene()
    ids = [scene.see(box(100 + 16 * i, 100, 16, 12)) for i in range(15)]
    assert ids[0] == ids[-1] == [1]


def test_a_narrow_thing_that_is_two_widths_further_in_the_second_look_is_the_same() -> None:
    scene = Scene(step_s=0.2)
    assert [scene.see(box(100 + 80 * i, 300, 34, 90)) for i in range(6)] == [[1]] * 6


def test_at_low_frame_rates_a_second_look_comes_soon_enough() -> None:
    scene = Scene(step_s=0.5)
    assert [scene.see(box(100 + 20 * i)) for i in range(6)] == [[1]] * 6


def test_nothing_detected_is_an_answer_too() -> None:
    scene = Scene()
    assert scene.see() == []
    scene.see(box(100))
    assert scene.see() == []


def test_what_is_no_number_is_never_assigned() -> None:
    """Instead of looking for ever for the best of what cannot be compared."""
    scene = Scene()
    scene.see(box(100))
    with pytest.raises(ValueError, match="number"):
        scene.see(box(math.nan))


def test_what_stands_does_not_leap_onto_its_neighbour() -> None:
    """Parked machines in a rack, detected in turns: the track of one is not continued on the next."""
    scene = Scene()
    for i in range(12):
        assert scene.see(box(100, 200, 80, 55)) == [1], i
    assert scene.see(box(145, 200, 80, 55)) == [2]


@pytest.mark.parametrize("speed", [4, 12])
@pytest.mark.parametrize("post", [10, 40, 70])
def test_a_car_behind_a_post_keeps_its_id(speed: float, post: float) -> None:
    """The post hides what is beyond it, then nothing: the box shrinks to a piece and is whole again in one frame."""
    scene, ids, at = Scene(), [], 100.0
    for i in range(30):
        left, right = at + speed * i, at + 100 + speed * i
        hidden_from = at + 100 + post
        if left < hidden_from - 30 and right > hidden_from:
            right = hidden_from
        ids += scene.see((left, 100, right, 150))
    assert set(ids) == {1}


def test_another_car_with_other_edges_is_not_taken_for_the_lost_one() -> None:
    scene = Scene()
    for i in range(6):
        scene.see((100 + 8 * i, 100, 200 + 8 * i, 150))
    scene.wait(0.3)
    assert scene.see((340, 40, 530, 150)) == [2]
