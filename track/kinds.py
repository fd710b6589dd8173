"""Kinds of detections: what may be one object, and what cannot.

A detector gives the same lorry a car box and a truck box, and a rider a person box and a bicycle box. Boxes of one kind
on one place are one object; boxes of different kinds are joined later, by their motion, in `track.riders`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled
from track.boxes import Floats, Indices, overlap_of
from track.tracklet import Kind, kind_of

SAME_OBJECT_IOU = 0.65
"""Two boxes of one kind that overlap more than this are the same object, whatever their classes."""


UNKNOWN = -1
"""In place of a kind: the label is no road user."""

MAY_BE = np.array([UNKNOWN if kind is Kind.VEHICLE else number for number, kind in enumerate(Kind)], dtype=np.intp)
"""Per kind what else may be of it: unknown things may be vehicles, seen from an odd angle."""


def kinds_of_classes(road_users: Sequence[str | None]) -> npt.NDArray[np.intp]:
    """Per class id of the detector the position of its kind in `Kind`; `UNKNOWN` for a label that is no road user."""
    kinds = list(Kind)
    return np.array([UNKNOWN if user is None else kinds.index(kind_of(user)) for user in road_users], dtype=np.intp)


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
def by_kind(
    boxes: Floats, confidence: Floats, kinds: Indices, others: Indices, low: float, most: float
) -> tuple[Indices, Indices]:
    """The detections of each kind, one on each object, surest first.

    Args:
        boxes: (N, 4).
        confidence: (N,).
        kinds: (N,), those that are looked for from 0.
        others: of each of these another one that may be it, too; it comes after it.
        low: what is less sure is left out.
        most: boxes of a kind overlap by so much at most.

    Returns:
        The rows of all kinds, one kind after the other; (kinds,) where each ends.
    """
    every, stops = np.empty(len(others) * len(boxes), np.intp), np.empty(len(others), np.intp)
    count = 0
    usable = confidence >= low
    for row in range(len(boxes)):
        usable[row] &= np.isfinite(boxes[row]).all()  # a network that goes astray gives no numbers
    for kind in range(len(others)):
        rows = np.flatnonzero(usable & ((kinds == kind) | (kinds == others[kind])))
        order = confidence[rows]
        for at in range(len(rows)):
            if kinds[rows[at]] != kind:
                order[at] -= 1
        for at in surest_apart(boxes[rows], order, most):
            every[count] = rows[at]
            count += 1
        stops[kind] = count
    return every[:count], stops
