"""The arithmetic of following boxes from frame to frame, compiled. Pure.

Boxes are (N, 4) xyxy in pixels unless told otherwise; what the numbers mean is told where these are called, in
`track.suppression`, `track.motion` and `track.association`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from aforo.compiled import compiled, compiling

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

SMALLEST_PX = 2.0
"""No box is expected to be narrower or lower."""


@compiled
def overlap(ax1: float, ay1: float, ax2: float, ay2: float, bx1: float, by1: float, bx2: float, by2: float) -> float:
    """Intersection over union of two boxes."""
    shared = max(min(ax2, bx2) - max(ax1, bx1), 0.0) * max(min(ay2, by2) - max(ay1, by1), 0.0)
    area_a = max(ax2 - ax1, 0.0) * max(ay2 - ay1, 0.0)
    area_b = max(bx2 - bx1, 0.0) * max(by2 - by1, 0.0)
    return shared / max(area_a + area_b - shared, 1e-9)


@compiled
def overlap_of(a: Floats, b: Floats) -> float:
    """The same of two boxes in arrays."""
    return overlap(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])


@compiled
def surest_apart(boxes: Floats, confidence: Floats, most: float) -> Indices:
    """Indices, surest first, of those that no surer one left in overlaps by more than `most`."""
    order = np.argsort(-confidence, kind="mergesort")
    kept = np.empty(len(order), np.intp)
    count = 0
    for i in order:
        alone = True
        for at in range(count):
            j = kept[at]
            if overlap_of(boxes[i], boxes[j]) > most:
                alone = False
                break
        if alone:
            kept[count] = i
            count += 1
    return kept[:count]


@compiled
def mean_side(width: float, height: float) -> float:
    """Geometric mean of a box's sides, at least a pixel."""
    return math.sqrt(max(width * height, 1.0))


@compiled
def predict(
    place: Floats,
    speed: Floats,
    variance: Floats,
    covariance: Floats,
    speed_variance: Floats,
    powers: tuple[float, float, float, float],
    kept_growth: float,
    acceleration: float,
    perspective: float,
    share: Floats,
) -> None:
    """Move filters (N, 4) on; `powers` are those of the time, `share` that of each coordinate in the noise."""
    first, second, third, fourth = powers
    for row in range(len(place)):
        pace = math.hypot(speed[row, 0], speed[row, 1])
        shaken = acceleration * mean_side(place[row, 2], place[row, 3]) + perspective * pace
        for k in range(4):
            noise = (shaken * share[k]) * (shaken * share[k])
            place[row, k] += speed[row, k] * first
            cov, var_speed = covariance[row, k], speed_variance[row, k]
            variance[row, k] = variance[row, k] + 2 * first * cov + second * var_speed + noise * fourth / 4
            covariance[row, k] = cov + first * var_speed + noise * third / 2
            speed_variance[row, k] = var_speed + noise * second
        for k in range(2, 4):
            speed[row, k] *= kept_growth
            place[row, k] = max(place[row, k], SMALLEST_PX)


@compiled
def correct(
    place: Floats,
    speed: Floats,
    variance: Floats,
    covariance: Floats,
    speed_variance: Floats,
    rows: Indices,
    boxes: Floats,
    measurement: float,
    share: Floats,
) -> None:
    """Take in boxes (M, 4) for the filters of some rows; `share` is that of each coordinate in the noise."""
    for at in range(len(rows)):
        row = rows[at]
        size = mean_side(place[row, 2], place[row, 3])
        x1, y1, x2, y2 = boxes[at, 0], boxes[at, 1], boxes[at, 2], boxes[at, 3]
        seen = ((x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, SMALLEST_PX), max(y2 - y1, SMALLEST_PX))
        for k in range(4):
            var, cov = variance[row, k], covariance[row, k]
            noise = (measurement * size * share[k]) * (measurement * size * share[k])
            gain, gain_speed = var / (var + noise), cov / (var + noise)
            error = seen[k] - place[row, k]
            place[row, k] += gain * error
            speed[row, k] += gain_speed * error
            variance[row, k] = (1 - gain) * var
            covariance[row, k] = (1 - gain) * cov
            speed_variance[row, k] -= gain_speed * cov


@compiled
def surprise(place: Floats, variance: Floats, row: int, x: float, y: float, outlier: float) -> float:
    """How far a centre lies from where the filter of a row expects it, standard deviations."""
    doubt = outlier * mean_side(place[row, 2], place[row, 3])
    return math.hypot(
        (x - place[row, 0]) / math.sqrt(variance[row, 0] + doubt * doubt),
        (y - place[row, 1]) / math.sqrt(variance[row, 1] + doubt * doubt),
    )


@compiled
def similarity(
    place: Floats,
    speed: Floats,
    variance: Floats,
    settled: npt.NDArray[np.bool_],
    rows: Indices,
    boxes: Floats,
    growth: float,
    calm_speed: float,
    leap: float,
    outlier: float,
) -> Floats:
    """Overlap of what the filters of some rows (N) expect with boxes (M, 4), all grown by a share: (N, M).

    It is 0 for a calm and settled one that would have to leap.
    """
    found = np.empty((len(rows), len(boxes)))
    for at in range(len(rows)):
        row = rows[at]
        x, y, half_width, half_height = place[row, 0], place[row, 1], place[row, 2] / 2, place[row, 3] / 2
        ax1, ay1, ax2, ay2 = grown(x - half_width, y - half_height, x + half_width, y + half_height, growth)
        pace = math.hypot(speed[row, 0], speed[row, 1]) / mean_side(place[row, 2], place[row, 3])
        is_calm = settled[row] and pace < calm_speed
        for j in range(len(boxes)):
            x1, y1, x2, y2 = boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3]
            if is_calm and surprise(place, variance, row, (x1 + x2) / 2, (y1 + y2) / 2, outlier) > leap:
                found[at, j] = 0.0
            else:
                bx1, by1, bx2, by2 = grown(x1, y1, x2, y2, growth)
                found[at, j] = overlap(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2)
    return found


@compiled
def grown(x1: float, y1: float, x2: float, y2: float, share: float) -> tuple[float, float, float, float]:
    """A box with a share of its width and height added on each side."""
    wide, high = (x2 - x1) * share, (y2 - y1) * share
    return x1 - wide, y1 - high, x2 + wide, y2 + high


def compile_all() -> None:
    """Have everything compiled before the first frame comes, which would have to wait."""
    boxes, rows = np.zeros((0, 4)), np.zeros(0, np.intp)
    filters = (boxes, boxes, boxes)
    with compiling(__file__):
        surest_apart(boxes, boxes[:, 0].copy(), 0.5)
        predict(boxes, boxes, *filters, (0.0, 0.0, 0.0, 0.0), 0.0, 0.0, 0.0, np.zeros(4))
        correct(boxes, boxes, *filters, rows, boxes, 0.0, np.zeros(4))
        similarity(*filters, np.zeros(0, np.bool_), rows, boxes, 0.0, 0.0, 0.0, 0.0)
