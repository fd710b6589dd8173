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
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (np.clip(x[:, 2:] - x[:, :2], 0, None).prod(axis=1) for x in (a, b))
    iou: npt.NDArray[np.float64] = shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)
    return iou


def kinds_of_classes(road_users: Sequence[str | None]) -> dict[Kind, npt.NDArray[np.intp]]:
    """The detector's class ids of each kind; None stands for a label that is no road user."""
    return {
        kind: np.array(
            [i for i, user in enumerate(road_users) if user is not None and kind_of(user) is kind], dtype=int
        )
        for kind in Kind
    }
