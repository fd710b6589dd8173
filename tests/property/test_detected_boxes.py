"""What is compiled after the network, beside numpy's and OpenCV's ways of saying the same."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detect.openvino import boxes as arithmetic

LOWEST, LOWEST_OTHER = float(np.float32(0.1)), 0.25
logits = st.sampled_from([np.float32(x) for x in (0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.5, 1)])


def grid_of(shape: tuple[int, int], stride: float, channels: int = 3, bins: int = 2) -> arithmetic.Grid:
    """Anchors in so many rows and columns, and a last layer of numbers that differ."""
    weights = np.linspace(-1, 1, channels * 4 * bins, dtype=np.float32).reshape(channels, 4 * bins)
    centres = np.indices(shape, dtype=np.float32).reshape(2, -1).T.copy() * np.float32(stride)
    return arithmetic.Grid(weights, np.linspace(0, 2, 4 * bins, dtype=np.float32), centres, stride)


@given(arrays.arrays(np.float32, (2, 3, 4), elements=logits), st.permutations(range(3)))
def test_candidates_are_the_anchors_that_see_something(found: np.ndarray, columns: list[int]) -> None:
    """The last of the four labels is not looked for."""
    output = arithmetic.Output(found, found.max(axis=2), np.zeros((2, 3, 3), np.float32))
    _, confidence, label = arithmetic.candidates(
        (output,), (grid_of((2, 3), 8.0),), np.array(columns, np.intp), np.full(3, LOWEST, np.float32), LOWEST_OTHER
    )
    ours, other = found.reshape(6, 4)[:, columns], found.reshape(6, 4)[:, 3]
    best = ours.max(axis=1)
    is_ours = best > LOWEST
    seen = is_ours | (other > LOWEST_OTHER)
    expected = 1 / (1 + np.exp(-np.where(is_ours, best, other)[seen]))
    np.testing.assert_allclose(confidence, expected, rtol=1e-6)
    assert label.tolist() == np.where(is_ours, ours.argmax(axis=1), 3)[seen].tolist()


@given(
    arrays.arrays(np.float32, (2, 3, 5), elements=st.floats(-4, 4, width=32)),
    arrays.arrays(np.bool_, (2, 3)),
    arrays.arrays(np.bool_, (1, 1)),
)
def test_boxes_are_the_means_of_their_distributions(
    features: np.ndarray, seen: np.ndarray, seen_in_another: np.ndarray
) -> None:
    grids = grid_of((2, 3), 8.0, 5, 4), grid_of((1, 1), 16.0, 5, 4)
    outputs = tuple(
        arithmetic.Output(best[..., None].copy(), best, part)
        for best, part in (
            (seen.astype(np.float32), features),
            (seen_in_another.astype(np.float32), features[:1, :1].copy()),
        )
    )
    xywh, _, _ = arithmetic.candidates(outputs, grids, np.zeros(1, np.intp), np.full(1, 0.5, np.float32), 0.5)
    expected = []
    for output, (weights, bias, centres, stride) in zip(outputs, grids, strict=True):
        logs = output.features.reshape(-1, 5).astype(float) @ weights + bias
        powers = np.exp(logs.reshape(-1, 4, 4))
        distances = stride * (powers @ np.arange(4)) / powers.sum(axis=2)
        corner, size = centres - distances[:, :2], distances[:, :2] + distances[:, 2:]
        expected.append(np.hstack((corner, size))[output.best.ravel() > 0])
    np.testing.assert_allclose(xywh, np.vstack(expected), rtol=1e-4, atol=1e-3)


def test_scores_that_are_no_numbers_see_nothing() -> None:
    logits = np.full((40, 40, 2), np.nan, np.float32)
    output = arithmetic.Output(logits, logits[..., 0].copy(), np.zeros((40, 40, 3), np.float32))
    grids = (grid_of((40, 40), 8.0),)
    lowest = np.full(2, LOWEST, np.float32)
    xywh, confidence, label = arithmetic.candidates((output,), grids, np.arange(2), lowest, LOWEST_OTHER)
    assert len(xywh) == len(confidence) == len(label) == 0


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
    kept = arithmetic.suppress_per_label(xywh, confidence, label, most, len(found))
    assert kept.tolist() == [int(index) for index in np.ravel(expected)]
