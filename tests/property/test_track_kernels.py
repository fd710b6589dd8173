"""The compiled arithmetic of following boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from interpreters import outputs_compiled_and_interpreted
from scipy.optimize import linear_sum_assignment

from track.assignment import best_assignment
from track.association import nearness, similarity
from track.boxes import iou_of_boxes
from track.kinds import is_piece, suppress_overlaps
from track.motion import MOTION, centres_and_sizes, empty_filters, with_tracks_added

FOLLOW = """
import hashlib
import numpy as np, supervision as sv
from aforo.model import Frame
from track.tracker import CameraTracker

rng, told = np.random.default_rng(5), hashlib.sha256()
tracker = CameraTracker(("pedestrian", "cyclist", "car", None), 10)
image = np.zeros((400, 600, 3), np.uint8)
centre, speed, size = rng.uniform(0, 600, (12, 2)), rng.normal(0, 30, (12, 2)), rng.uniform(15, 90, (12, 2))
label = rng.integers(0, 4, 12)
for index in range(120):
    centre = centre + speed / 10
    seen = rng.random(12) < 0.85
    middle = centre[seen] + rng.normal(0, 2, (seen.sum(), 2))
    detections = sv.Detections(
        xyxy=np.hstack((middle - size[seen] / 2, middle + size[seen] / 2)).astype(np.float32),
        confidence=rng.uniform(0.1, 1, seen.sum()).astype(np.float32),
        class_id=label[seen],
    )
    told.update(repr(tracker.update(Frame("c", "s", index, index * 100_000, image), detections)).encode())
print(told.hexdigest())
"""

coordinates = st.floats(0, 100)
boxes = st.tuples(coordinates, coordinates, st.floats(1, 60), st.floats(1, 60)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


def believed(known: list[tuple[float, ...]]) -> np.ndarray:
    """Where things that have just appeared are believed to be."""
    position = centres_and_sizes(np.array(known))
    return np.hstack((position[:, :2] - position[:, 2:] / 2, position[:, :2] + position[:, 2:] / 2))


def pairwise_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([[iou_of_boxes(one, other) for other in b] for one in a]).reshape(len(a), len(b))


@given(st.lists(st.tuples(boxes, st.floats(0, 1)), max_size=12))
def test_one_box_stays_on_each_object(found: list[tuple[tuple[float, ...], float]]) -> None:
    xyxy = np.array([box for box, _ in found]).reshape(-1, 4)
    confidence = np.array([sure for _, sure in found])
    kept = suppress_overlaps(xyxy, confidence, 0.6).tolist()
    iou = pairwise_iou(xyxy, xyxy)

    def same(a: int, b: int) -> bool:
        return bool(iou[a, b] > 0.6 or is_piece(xyxy[a], xyxy[b]))

    assert [confidence[index] for index in kept] == sorted((confidence[index] for index in kept), reverse=True)
    assert not any(same(a, b) for a in kept for b in kept if a != b)
    for index in set(range(len(found))) - set(kept):
        assert any(same(index, other) and confidence[other] >= confidence[index] for other in kept)


@given(st.lists(boxes, min_size=1, max_size=6), st.lists(boxes, max_size=6), st.floats(0, 0.5))
def test_expected_and_found_boxes_overlap_grown(
    known: list[tuple[float, ...]], found: list[tuple[float, ...]], growth: float
) -> None:
    filters = with_tracks_added(empty_filters(), np.array(known))
    rows, others = np.arange(len(known)), np.array(found).reshape(-1, 4)
    settled = np.zeros(len(known), bool)

    def grown(xyxy: np.ndarray) -> np.ndarray:
        side = (xyxy[:, 2:] - xyxy[:, :2]) * growth
        return np.hstack((xyxy[:, :2] - side, xyxy[:, 2:] + side))

    expected = pairwise_iou(grown(believed(known)), grown(others))
    overlap = similarity(filters, settled, rows, others, growth, 5.0, MOTION)
    np.testing.assert_allclose(overlap, expected, atol=1e-12)


@pytest.mark.parametrize(("settled", "overlap"), [(False, pytest.approx(3 / 7)), (True, 0.0)])
def test_a_calm_settled_thing_does_not_leap(settled: bool, overlap: float) -> None:
    filters = with_tracks_added(empty_filters(), np.array([[0.0, 0.0, 100.0, 100.0]]))
    boxes = np.array([[40.0, 0.0, 140.0, 100.0]])
    found = similarity(filters, np.array([settled]), np.arange(1), boxes, 0.0, 3.0, MOTION)
    assert found[0, 0] == overlap


tables = st.tuples(st.integers(0, 7), st.integers(0, 7)).flatmap(
    lambda shape: arrays.arrays(np.float64, shape, elements=st.sampled_from([0, 0, 0.1, 0.25, 0.3, 0.5, 0.7, 1]))
)


@given(tables)
def test_the_best_assignment_is_that_of_scipy(worth: np.ndarray) -> None:
    columns = best_assignment(worth)
    rows = np.flatnonzero(columns >= 0)
    assert len(rows) == len(set(columns[rows].tolist())) == min(worth.shape)
    assert worth[rows, columns[rows]].sum() == pytest.approx(worth[linear_sum_assignment(worth, maximize=True)].sum())


@given(boxes, boxes)
def test_nearness_is_one_for_the_same_and_none_out_of_reach(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    position = centres_and_sizes(np.array([a]))[0]
    here, there = position, centres_and_sizes(np.array([b]))[0]
    size, other = math.sqrt(here[2] * here[3]), math.sqrt(there[2] * there[3])
    assume(b[2] - b[0] >= 2 <= b[3] - b[1])  # what is narrower is expected to be wider than it is
    away = math.hypot(*(there - here)[:2])
    expected = min(size, other) / max(size, other) * max(0.0, 1 - away / (1.5 * size))
    assert nearness(position, np.array(b), 1.5) == pytest.approx(expected)


def test_compiled_and_interpreted_follow_the_same() -> None:
    digests = outputs_compiled_and_interpreted(FOLLOW)
    assert len(digests) == 1
