"""Kinds of detections: what may be one object, and what cannot.

A detector gives the same lorry a car box and a truck box, and a rider a person box and a bicycle box. Boxes of one kind
on one place are one object; boxes of different kinds are joined later, by their motion, in `track.riders`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from track.tracklet import Kind, kind_of

SAME_OBJECT_IOU = 0.65
"""Two boxes of one kind that overlap more than this are the same object, whatever their classes."""


UNKNOWN = -1
"""In place of a kind: the label is no road user."""


def one_box_per_object(boxes: npt.NDArray[np.float64], confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Which detections of one kind stay when second boxes on the same object are left out.

    Args:
        boxes: (N, 4) xyxy.
        confidence: (N,).

    Returns:
        Indices of those that no surer one overlaps by more than `SAME_OBJECT_IOU`, surest first.
    """
    order = np.argsort(-confidence, kind="stable")
    if len(order) < 2:  # noqa: PLR2004 (nothing to compare)
        return order
    overlap = pairwise_iou(boxes[order], boxes[order]) > SAME_OBJECT_IOU
    kept: list[int] = []
    for index in range(len(order)):
        if not overlap[index, kept].any():
            kept.append(index)
    return order[kept]


def pairwise_iou(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Intersection over union of each box of `a` (N, 4) with each of `b` (M, 4), xyxy: shape (N, M)."""
    ax1, ay1, ax2, ay2 = a.T[:, :, None]
    bx1, by1, bx2, by2 = b.T[:, None]
    width, height = np.minimum(ax2, bx2) - np.maximum(ax1, bx1), np.minimum(ay2, by2) - np.maximum(ay1, by1)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area_a = np.maximum(ax2 - ax1, 0) * np.maximum(ay2 - ay1, 0)
    area_b = np.maximum(bx2 - bx1, 0) * np.maximum(by2 - by1, 0)
    iou: npt.NDArray[np.float64] = shared / np.maximum(area_a + area_b - shared, 1e-9)
    return iou


def kinds_of_classes(road_users: Sequence[str | None]) -> npt.NDArray[np.intp]:
    """Per class id of the detector the position of its kind in `Kind`; `UNKNOWN` for a label that is no road user."""
    kinds = list(Kind)
    return np.array([UNKNOWN if user is None else kinds.index(kind_of(user)) for user in road_users], dtype=np.intp)
