"""The arithmetic after the network, compiled: from its outputs to boxes, one on each object. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from aforo.compiled import compiled, compiling

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


@compiled
def candidates(scores: Floats, rows: Indices, lowest: float, lowest_other: float) -> tuple[Indices, Floats, Indices]:
    """The anchors that see something.

    Args:
        scores: (labels or labels + 1, anchors); a last row more than there are labels is the best of all others.
        rows: (labels,) of each label, where its scores are.
        lowest: labels with scores up to this are not seen.
        lowest_other: nor is anything else up to this.

    Returns:
        (N,) anchors, ascending; (N,) their scores; (N,) the label, of others how many labels there are.
    """
    labels, anchors = len(rows), scores.shape[1]
    best = scores[0].copy()
    for row in range(1, labels):
        for anchor in range(anchors):
            best[anchor] = max(best[anchor], scores[row, anchor])
    has_others = len(scores) > labels
    chosen = np.empty(anchors, np.intp)
    count = 0
    for anchor in range(anchors):
        if best[anchor] > lowest or (has_others and scores[labels, anchor] > lowest_other):
            chosen[count] = anchor
            count += 1
    chosen = chosen[:count]
    confidence, label = np.empty(count, np.float32), np.empty(count, np.intp)
    for at in range(count):
        anchor = chosen[at]
        if best[anchor] > lowest:
            confidence[at], label[at] = best[anchor], 0
            for number in range(labels):
                if scores[rows[number], anchor] == best[anchor]:
                    label[at] = number
                    break
        else:
            confidence[at], label[at] = scores[labels, anchor], labels
    return chosen, confidence, label


@compiled
def finish(logs: Floats, centres: Floats, stride: float, first: int, chosen: Indices, xywh: Floats) -> None:
    """Boxes from distances: each is the mean of a distribution over whole numbers of strides, given by its logs.

    Args:
        logs: (anchors of this grid, 4 × bins): left, top, right, bottom.
        centres: (anchors of this grid, 2) x, y in network pixels.
        stride: pixels.
        first: number of this grid's first anchor.
        chosen: (N,) anchors, of all grids.
        xywh: (N, 4) where the boxes of this grid's anchors are written: left, top, width, height.
    """
    bins = logs.shape[1] // 4
    distance = np.empty(4, np.float32)
    for at in range(len(chosen)):
        anchor = chosen[at] - first
        if 0 <= anchor < len(logs):
            for side in range(4):
                part = logs[anchor, side * bins : (side + 1) * bins]
                top = part.max()
                total = weighted = np.float32(0)
                for number in range(bins):
                    weight = np.exp(part[number] - top)
                    total += weight
                    weighted += weight * np.float32(number)
                distance[side] = weighted * np.float32(stride) / total
            xywh[at, 0], xywh[at, 1] = centres[anchor, 0] - distance[0], centres[anchor, 1] - distance[1]
            xywh[at, 2], xywh[at, 3] = distance[0] + distance[2], distance[1] + distance[3]


@compiled
def surest_of_each_label(xywh: Floats, confidence: Floats, label: Indices, most: float) -> Indices:
    """Non-maximum suppression: indices, surest first, of boxes that no kept one of their label overlaps by > `most`."""
    order = np.argsort(-confidence, kind="mergesort")
    kept = np.empty(len(order), np.intp)
    count = 0
    for i in order:
        alone = True
        for at in range(count):
            if label[kept[at]] == label[i] and overlap(xywh[kept[at]], xywh[i]) > most:
                alone = False
                break
        if alone:
            kept[count] = i
            count += 1
    return kept[:count]


@compiled
def overlap(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes, left, top, width and height; 0 where one has no area."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = np.float64(width) * np.float64(height)
    return shared / (np.float64(a[2]) * np.float64(a[3]) + np.float64(b[2]) * np.float64(b[3]) - shared)


def compile_all() -> None:
    """Have everything compiled before the first picture comes, which would have to wait."""
    rows, numbers, boxes = np.zeros(0, np.intp), np.zeros(0, np.float32), np.zeros((0, 4), np.float32)
    with compiling(__file__):
        candidates(np.zeros((1, 0), np.float32), np.zeros(1, np.intp), 0.0, 0.0)
        finish(boxes, boxes, 1.0, 0, rows, boxes)
        surest_of_each_label(boxes, numbers, rows, 0.5)
