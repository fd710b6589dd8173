"""Geometry of boxes for the tracker, compiled. Pure.

Boxes are (N, 4) xyxy in pixels, unless a docstring says otherwise.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

EDGE_TOLERANCE = 0.15
"""Greatest distance of two edges that are one, as a share of the larger box's width or height."""

THREE_EDGES = 3
"""Edges in common of two boxes of one road user of whom something hides a side."""

SMALLEST_PX = 2.0
"""Least width and height of a predicted box, pixels."""


@compiled
def shared_area(
    ax1: float, ay1: float, ax2: float, ay2: float, bx1: float, by1: float, bx2: float, by2: float
) -> float:
    """Area that two boxes given by their corners share."""
    return max(min(ax2, bx2) - max(ax1, bx1), 0.0) * max(min(ay2, by2) - max(ay1, by1), 0.0)


@compiled
def iou(ax1: float, ay1: float, ax2: float, ay2: float, bx1: float, by1: float, bx2: float, by2: float) -> float:
    """Intersection over union of two boxes given by their corners, 0..1."""
    shared = shared_area(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2)
    area_a = max(ax2 - ax1, 0.0) * max(ay2 - ay1, 0.0)
    area_b = max(bx2 - bx1, 0.0) * max(by2 - by1, 0.0)
    return shared / max(area_a + area_b - shared, 1e-9)


@compiled
def iou_of_boxes(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes (4,) xyxy, 0..1."""
    return iou(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])


@compiled
def mean_side(width: float, height: float) -> float:
    """Geometric mean of a box's sides, at least 1 px."""
    return math.sqrt(max(width * height, 1.0))


@compiled
def grown(x1: float, y1: float, x2: float, y2: float, share: float) -> tuple[float, float, float, float]:
    """A box enlarged on each side by a share of its width and height: x1, y1, x2, y2."""
    wide, high = (x2 - x1) * share, (y2 - y1) * share
    return x1 - wide, y1 - high, x2 + wide, y2 + high


@compiled
def edges_in_common(
    ax1: float, ay1: float, ax2: float, ay2: float, bx1: float, by1: float, bx2: float, by2: float
) -> int:
    """How many of the four edges of two boxes are at the same place, within `EDGE_TOLERANCE`: 0..4.

    A road user of whom a post, the frame's border or another one hides a side keeps the other three edges.
    """
    wide, high = EDGE_TOLERANCE * max(ax2 - ax1, bx2 - bx1), EDGE_TOLERANCE * max(ay2 - ay1, by2 - by1)
    return (
        int(abs(ax1 - bx1) <= wide)
        + int(abs(ay1 - by1) <= high)
        + int(abs(ax2 - bx2) <= wide)
        + int(abs(ay2 - by2) <= high)
    )
