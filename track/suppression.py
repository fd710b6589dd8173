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

MAY_BE = np.array([UNKNOWN if kind is Kind.VEHICLE else number for number, kind in enumerate(Kind)], dtype=np.intp)
"""Per kind what else may be of it: unknown things may be vehicles, seen from an odd angle."""


def kinds_of_classes(road_users: Sequence[str | None]) -> npt.NDArray[np.intp]:
    """Per class id of the detector the position of its kind in `Kind`; `UNKNOWN` for a label that is no road user."""
    kinds = list(Kind)
    return np.array([UNKNOWN if user is None else kinds.index(kind_of(user)) for user in road_users], dtype=np.intp)
