"""What is one object, and of which kind."""

from __future__ import annotations

import numpy as np
import pytest

from track.boxes import iou_of_boxes
from track.kinds import ALSO_OF_KIND, SAME_OBJECT_IOU, UNKNOWN, kinds_of_classes, split_by_kind
from track.tracklet import PartKind, kind_of

CAR = [100.0, 100.0, 200.0, 160.0]


VEHICLE = list(PartKind).index(PartKind.VEHICLE)


def kept(boxes: list[list[float]], confidence: list[float], kinds: list[int] | None = None) -> list[int]:
    """The vehicles among them; everything is one unless told otherwise."""
    of = np.array(kinds if kinds is not None else [VEHICLE] * len(boxes), np.intp)
    rows, stops = split_by_kind(
        np.array(boxes).reshape(-1, 4), np.array(confidence), of, ALSO_OF_KIND, 0.15, SAME_OBJECT_IOU
    )
    assert stops[-1] == len(rows)
    return [int(row) for row in rows[stops[VEHICLE - 1] :]]


def test_nothing_and_one_box_stay() -> None:
    assert kept([], []) == []
    assert kept([CAR], [0.3]) == [0]


def test_of_two_boxes_on_one_object_the_surer_one_stays() -> None:
    assert kept([CAR, [102, 98, 203, 161]], [0.4, 0.7]) == [1]


def test_two_that_overlap_but_little_both_stay_surest_first() -> None:
    assert kept([CAR, [150, 100, 250, 160]], [0.4, 0.7]) == [1, 0]


def test_what_overlaps_only_a_box_that_was_left_out_stays() -> None:
    """A chain: the middle one is dropped for the surest, and then cannot drop the third."""
    boxes = [CAR, [115, 100, 215, 160], [130, 100, 230, 160]]
    assert kept(boxes, [0.9, 0.8, 0.7]) == [0, 2]


@pytest.mark.parametrize(
    "piece", [[100, 100, 150, 160], [150, 100, 200, 160], [100, 130, 200, 160], [103, 98, 160, 163]]
)
def test_of_an_object_and_a_piece_of_it_with_three_of_its_edges_the_surer_one_stays(piece: list[float]) -> None:
    """A post before a car: one box ends there, another goes on behind it."""
    assert kept([CAR, piece], [0.4, 0.7]) == [1]
    assert kept([CAR, piece], [0.7, 0.4]) == [0]


@pytest.mark.parametrize("other", [[120, 100, 170, 160], [100, 100, 150, 140], [60, 100, 120, 160]])
def test_what_has_fewer_edges_in_common_or_lies_outside_is_another_object(other: list[float]) -> None:
    assert kept([CAR, other], [0.4, 0.7]) == [1, 0]


def test_other_kinds_and_what_is_too_unsure_are_left_out() -> None:
    boxes = [CAR, [300, 100, 400, 160], [500, 100, 600, 160], [700, 100, 800, 160]]
    assert kept(boxes, [0.5, 0.9, 0.1, 0.8], [VEHICLE, 0, VEHICLE, VEHICLE]) == [3, 0]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_left_out(wrong: float) -> None:
    assert kept([[wrong, 100, 200, 160], [300, 100, 400, 160]], [0.9, 0.8]) == [1]
    assert kept([CAR, [300, 100, 400, 160]], [np.nan, 0.8]) == [1]


def test_each_kind_has_its_own() -> None:
    boxes = np.array([CAR, CAR, CAR, [300, 100, 400, 160]])
    kinds = np.array([2, 0, 1, 0], np.intp)
    rows, stops = split_by_kind(boxes, np.array([0.5, 0.6, 0.7, 0.8]), kinds, ALSO_OF_KIND, 0.15, SAME_OBJECT_IOU)
    assert rows.tolist() == [3, 1, 2, 0]
    assert stops.tolist() == [2, 3, 4]


def test_what_may_be_anything_comes_last_and_gives_way() -> None:
    boxes = [CAR, [101, 99, 201, 161], [300, 100, 400, 160]]
    assert kept(boxes, [0.2, 0.9, 0.6], [VEHICLE, UNKNOWN, UNKNOWN]) == [0, 2]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([0, 0, 10, 10], [0, 0, 10, 10], 1.0, id="the same"),
        pytest.param([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3, id="half of each"),
        pytest.param([0, 0, 10, 10], [10, 0, 20, 10], 0.0, id="touching"),
        pytest.param([0, 0, 10, 10], [2, 2, 7, 6], 0.2, id="one in the other"),
        pytest.param([5, 5, 5, 5], [5, 5, 5, 5], 0.0, id="without area"),
    ],
)
def test_intersection_over_union(a: list[float], b: list[float], expected: float) -> None:
    assert iou_of_boxes(np.array(a, float), np.array(b, float)) == pytest.approx(expected)


def test_classes_fall_into_kinds_and_labels_that_are_no_road_user_into_none() -> None:
    kinds = kinds_of_classes(("pedestrian", "cyclist", "car", None, "motorcyclist", "van"))
    person, machine, vehicle = (
        list(PartKind).index(kind) for kind in (PartKind.PERSON, PartKind.MACHINE, PartKind.VEHICLE)
    )
    assert kinds.tolist() == [person, machine, vehicle, UNKNOWN, machine, vehicle]


def test_a_road_user_of_a_model_with_its_own_labels_is_a_vehicle() -> None:
    assert kind_of("articulated bus") is PartKind.VEHICLE
