"""Where road users are counted: lines that they pass and zones in which they stay. Pure.

A track passes a line when its anchor has come to the other side of it by more than a margin, on a way that met the
line itself an odd number of times. A visit to a zone begins where the way of the anchor meets the border inwards and
ends where it meets it outwards. The margin grows with the road user's box, so that a box that trembles on a line or a
border counts nothing, while somebody who really comes back counts again. What matters is the way between two
observations, taken to be straight, not where they lie, so that nobody jumps over a line or a thin zone between two
frames. `aggregate.kernels` does it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aforo.model import Point
from aggregate.kernels import Shapes
from aggregate.movements import MovementRule


@dataclass(frozen=True, slots=True)
class CountingLine:
    """A line as the counting needs it.

    Attributes:
        points: two or more, fractions of the frame.
        directions: names of the two directions: towards the right-hand side of who walks along the line, and back.
        anchor: the point of the box that counts: "bottom_centre" or "centre".
    """

    id: str
    points: tuple[Point, ...]
    directions: tuple[str, str]
    anchor: str
    version: str


@dataclass(frozen=True, slots=True)
class CountingZone:
    """A zone as the counting needs it: a simple polygon in fractions of the frame."""

    id: str
    polygon: tuple[Point, ...]
    anchor: str
    version: str


@dataclass(frozen=True, slots=True)
class CameraGeometry:
    """What is counted in one camera's picture."""

    lines: tuple[CountingLine, ...] = ()
    zones: tuple[CountingZone, ...] = ()
    movements: tuple[MovementRule, ...] = ()


def shapes(cameras: Sequence[CameraGeometry]) -> Shapes:
    """The lines and zones of many cameras, which have numbers in the order given here, as columns."""
    places = [
        place
        for camera in cameras
        for place in (
            *((line.points, line.anchor) for line in camera.lines),
            *((zone.polygon, zone.anchor) for zone in camera.zones),
        )
    ]
    return Shapes(
        first_place=_firsts([len(camera.lines) + len(camera.zones) for camera in cameras]),
        lines=np.array([len(camera.lines) for camera in cameras], np.int64),
        first_corner=_firsts([len(points) for points, _ in places]),
        by_centre=np.array([anchor == "centre" for _, anchor in places], np.bool_),
        corner=np.array([point for points, _ in places for point in points], np.float64).reshape(-1, 2),
    )


def _firsts(counts: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([*itertools.accumulate(counts, initial=0)], np.int64)
