"""What is compiled after the network, beside numpy's and OpenCV's ways of saying the same."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detect import kernels

LOWEST, LOWEST_OTHER = np.float32(0.1), np.float32(0.25)
scores = st.sampled_from([np.float32(x) for x in (0, 0.1, 0.2, 0.25, 0.5, 0.5, 1)])


@given(arrays.arrays(np.float32, (4, 9), elements=scores), st.permutations(range(3)), st.booleans())
def test_candidates_are_the_anchors_that_see_something(found: np.ndarray, places: list[int], has_others: bool) -> None:
    found = found if has_others else found[:3].copy()
    rows = np.array(places, np.intp)
    chosen, confidence, label = kernels.candidates(found, rows, float(LOWEST), float(LOWEST_OTHER))
    labels = found[:3][rows]
    others = found[3] if has_others else np.zeros(9, np.float32)
    best = labels.max(axis=0)
    seen = (best > LOWEST) | (others > LOWEST_OTHER)
    assert chosen.tolist() == np.flatnonzero(seen).tolist()
    is_label = best[seen] > LOWEST
    assert confidence.tolist() == np.where(is_label, best[seen], others[seen]).tolist()
    assert label.tolist() == np.where(is_label, labels.argmax(axis=0)[seen], 3).tolist()


@given(arrays.arrays(np.float32, (6, 4 * 5), elements=st.floats(-20, 20, width=32)), st.sets(st.integers(0, 14)))
def test_boxes_are_the_means_of_their_distributions(logs: np.ndarray, anchors: set[int]) -> None:
    first, stride = 4, 8.0
    centres = np.indices((2, 3), dtype=np.float32).reshape(2, -1).T.copy() * np.float32(stride)
    chosen = np.array(sorted(anchors), np.intp)
    xywh = np.full((len(chosen), 4), np.nan, np.float32)
    kernels.finish(logs, centres, stride, first, chosen, xywh)
    for anchor, box in zip(chosen, xywh, strict=True):
        if not first <= anchor < first + len(logs):
            assert np.isnan(box).all()
            continue
        powers = np.exp(logs[anchor - first].astype(float).reshape(4, 5))
        left, top, right, bottom = stride * (powers @ np.arange(5)) / powers.sum(axis=1)
        x, y = centres[anchor - first]
        np.testing.assert_allclose(box, (x - left, y - top, left + right, top + bottom), rtol=1e-5, atol=1e-4)


edges = st.integers(0, 12).map(float)
boxes = st.tuples(edges, edges, st.integers(1, 8).map(float), st.integers(1, 8).map(float))


@given(st.lists(st.tuples(boxes, st.integers(1, 64).map(lambda n: n / 64), st.integers(0, 2)), max_size=25))
def test_suppression_keeps_what_opencv_keeps(found: list[tuple[tuple[float, ...], float, int]]) -> None:
    xywh = np.array([box for box, _, _ in found], np.float32).reshape(-1, 4)
    confidence = np.array([sure for _, sure, _ in found], np.float32)
    label = np.array([number for _, _, number in found], np.intp)
    # OpenCV moves the boxes of each label elsewhere, which rounds; so no overlap may be just at the limit.
    most = 0.5003
    expected = cv2.dnn.NMSBoxesBatched(xywh.tolist(), confidence.tolist(), label.tolist(), 0.0, most) if found else ()
    kept = kernels.surest_of_each_label(xywh, confidence, label, most)
    assert kept.tolist() == [int(index) for index in np.ravel(expected)]
