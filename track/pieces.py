"""Which vehicles are no vehicle of their own but a piece of a larger one: half a lorry, a load, a cab. Pure.

Of a vehicle that fills much of the picture a network now and then finds a piece, beside the whole. Such a box shares
area with the larger one in nearly all of its life and is never sure. Who only drives behind or before a lorry is seen
apart from it sooner or later, or clearly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from track.rider_pairing import area_of, overlap_of_smaller, sharing_area
from track.tracklet import Tracklet

LEAST_SHARED = 0.3
"""Least share of a piece's box that is inside the larger one's."""

LARGER = 2.0
"""Least ratio of the areas of the whole and a piece."""

LEAST_TIME = 0.9
"""Share of the frames of a piece in which it is with the larger one."""

SURE = 0.6
"""A vehicle that was ever detected with this confidence is no piece."""


@dataclass(slots=True)
class _Company:
    """In how many frames a vehicle was seen that could tell, and in how many of them with a larger one."""

    frames: int = 0
    with_larger: int = 0


class PieceFinder:
    """Watches the vehicles of one camera that were never seen surely."""

    def __init__(self) -> None:
        self._company: dict[int, _Company] = {}

    def observe(self, vehicles: Sequence[Tracklet]) -> None:
        """Take in the vehicles of one frame."""
        doubtful = [vehicle for vehicle in vehicles if vehicle.best_confidence < SURE]
        if not doubtful:
            return
        near = sharing_area([part.box for part in doubtful], [whole.box for whole in vehicles])
        for part, row in zip(doubtful, near, strict=True):
            company = self._company.setdefault(part.id, _Company())
            wholes = [vehicles[at] for at in np.flatnonzero(row).tolist() if _shares_area(part, vehicles[at])]
            if any(area_of(whole.box) >= LARGER * area_of(part.box) for whole in wholes):
                company.frames += 1
                company.with_larger += 1
            elif not any(whole.box.touches_border for whole in wholes):  # else nobody knows how large it is
                company.frames += 1

    def is_piece(self, vehicle: Tracklet) -> bool:
        """Whether a vehicle that ends was nothing but a piece of a larger one."""
        company = self._company.get(vehicle.id)
        if company is None or vehicle.best_confidence >= SURE:
            return False
        return company.with_larger > 0 and company.with_larger >= LEAST_TIME * company.frames

    def forget(self, ended: Iterable[int]) -> None:
        """Drop the state of tracklets that ended."""
        for tracklet_id in ended:
            self._company.pop(tracklet_id, None)


def _shares_area(part: Tracklet, whole: Tracklet) -> bool:
    """Whether a vehicle lies so far inside a surer one that it may be a piece of it."""
    is_surer = whole.best_confidence > part.best_confidence
    return is_surer and overlap_of_smaller(part.box, whole.box) >= LEAST_SHARED
