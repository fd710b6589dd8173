"""Detections by kind, and suppression of second boxes on one object. Pure.

A detector may give one lorry a car box and a truck box: both are vehicles, so the weaker box is dropped here. It gives
    a
rider a person box and a bicycle box: these are of different kinds, and `track.riders` joins them by their motion.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled
from track.boxes import THREE_EDGES, Floats, Indices, edges_in_common, iou_of_boxes, shared_area
from track.tracklet import PartKind, kind_of

SAME_OBJECT_IOU = 0.65
"""IoU above which two boxes of one kind are the same object, whatever their classes."""

INSIDE_SHARE = 0.9
"""Least share of a box's area that is inside another box of which it may be a piece."""

UNKNOWN = -1
"""Stands for the kind of a label that is no road user."""

ALSO_OF_KIND = np.array(
    [UNKNOWN if kind is PartKind.VEHICLE else number for number, kind in enumerate(PartKind)], dtype=np.intp
)
"""(kinds,) for each kind another one whose detections may belong to it: an unknown object may be a vehicle."""


def kinds_of_classes(road_users: Sequence[str | None]) -> npt.NDArray[np.intp]:
    """For each class id of the detector, the index of its kind in `PartKind`, or `UNKNOWN` if it is no road user."""
    kinds = list(PartKind)
    return np.array([UNKNOWN if user is None else kinds.index(kind_of(user)) for user in road_users], dtype=np.intp)


@compiled
def is_piece(a: Floats, b: Floats) -> bool:
    """Whether one of two boxes (4,) xyxy is the other without one side: inside it, with three edges in common."""
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    shared = shared_area(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])
    common = edges_in_common(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])
    return bool(common >= THREE_EDGES and shared >= INSIDE_SHARE * smaller)


@compiled
def suppress_overlaps(boxes: Floats, confidence: Floats, most: float) -> Indices:
    """Non-maximum suppression: the indices of the boxes to keep, highest confidence first.

    Args:
        boxes: (N, 4) xyxy.
        confidence: (N,).
        most: IoU above which the box of lower confidence is dropped.
    """
    order = np.argsort(-confidence, kind="mergesort")
    kept = np.empty(len(order), np.intp)
    count = 0
    for i in order:
        alone = True
        for at in range(count):
            j = kept[at]
            if iou_of_boxes(boxes[i], boxes[j]) > most or is_piece(boxes[i], boxes[j]):
                alone = False
                break
        if alone:
            kept[count] = i
            count += 1
    return kept[:count]


@compiled
def split_by_kind(
    boxes: Floats, confidence: Floats, kinds: Indices, others: Indices, low: float, most: float
) -> tuple[Indices, Indices]:
    """The detections of each kind without second boxes on one object, highest confidence first.

    Args:
        boxes: (N, 4) xyxy.
        confidence: (N,) 0..1.
        kinds: (N,) kind of each detection, numbered from 0; others are ignored.
        others: (kinds,) a second kind whose detections may belong to each kind; they rank after its own.
        low: lowest confidence that is used.
        most: highest IoU of two boxes of one kind.

    Returns:
        The rows of all kinds, one kind after the other; (kinds,) the end of each kind among them.
    """
    every, stops = np.empty(len(others) * len(boxes), np.intp), np.empty(len(others), np.intp)
    count = 0
    usable = confidence >= low
    for row in range(len(boxes)):
        usable[row] &= np.isfinite(boxes[row]).all()  # a failing network may give NaN or infinity
    for kind in range(len(others)):
        rows = np.flatnonzero(usable & ((kinds == kind) | (kinds == others[kind])))
        order = confidence[rows]
        for at in range(len(rows)):
            if kinds[rows[at]] != kind:
                order[at] -= 1
        for at in suppress_overlaps(boxes[rows], order, most):
            every[count] = rows[at]
            count += 1
        stops[kind] = count
    return every[:count], stops
