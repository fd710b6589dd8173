"""Kinds of detections: what may be one object, and what cannot.

A detector gives the same lorry a car box and a truck box, and a rider a person box and a bicycle box. Boxes of one kind
on one place are one object; boxes of different kinds are joined later, by their motion, in `track.riders`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import supervision as sv

from track.tracklet import Kind, kind_of

SAME_OBJECT_IOU = 0.65
"""Two boxes of one kind that overlap more than this are the same object, whatever their classes."""


def one_box_per_object(detections: sv.Detections) -> sv.Detections:
    """Detections without second boxes of another class on the same object.

    Args:
        detections: of one kind, in pixels.

    Returns:
        Those that no surer detection overlaps by more than `SAME_OBJECT_IOU`, surest first.
    """
    if len(detections) < 2 or detections.confidence is None:  # noqa: PLR2004 (nothing to compare)
        return detections
    detections = detections[np.argsort(-detections.confidence, kind="stable")]
    overlap = pairwise_iou(detections.xyxy, detections.xyxy)
    kept: list[int] = []
    for index in range(len(detections)):
        if all(overlap[index, other] <= SAME_OBJECT_IOU for other in kept):
            kept.append(index)
    return detections[np.array(kept)]


def pairwise_iou(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Intersection over union of each box of `a` (N, 4) with each of `b` (M, 4), xyxy: shape (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (np.clip(x[:, 2:] - x[:, :2], 0, None).prod(axis=1) for x in (a, b))
    iou: npt.NDArray[np.floating] = shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)
    return iou


def kinds_of_classes(road_users: Sequence[str | None]) -> dict[Kind, npt.NDArray[np.intp]]:
    """The detector's class ids of each kind; None stands for a label that is no road user."""
    return {
        kind: np.array(
            [i for i, user in enumerate(road_users) if user is not None and kind_of(user) is kind], dtype=int
        )
        for kind in Kind
    }
