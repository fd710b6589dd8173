"""How large cars are in each place of a camera's picture, learnt from its own tracks; it tells vans from lorries. Pure.

A network calls a van a truck, and a lorry seen small a car. Their sizes do not lie: beside the cars that went the same
way through the same place, a van is a quarter larger (√(2.0 × 2.2 m / 1.8 × 1.5 m), seen from the front), the smallest
box lorry half as large again (√(2.2 × 3.0 / 1.8 × 1.5) = 1.56), a bus more than twice, seen from the side. Cars
themselves vary by a tenth. Nothing is said before a few cars were seen there.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from aforo.model import Box

STEP = 0.25
"""Displacement after which the size of a vehicle is noted again, in units of its mean side."""

MOST_NOTES = 32
"""Notes kept of a vehicle: of a longer track every second one is dropped, again and again."""

LEAST_NOTES = 4
"""Notes of a vehicle before anything is said of its size, or learnt from it."""

MOST_CARS = 80
"""Cars that are remembered, the newest."""

LEAST_CARS = 3
"""Cars that went the same way through a place before it has a scale."""

PLACE_X, PLACE_Y = 0.25, 0.04
"""Half the width and height of a place, shares of the frame: perspective changes sizes from top to bottom."""

LEAST_WAY = 0.08
"""Least displacement of a vehicle whose heading is known, share of the frame's height."""

SAME_HEADING = 0.6
"""Greatest sine of the angle between two headings, forwards or backwards, that show a vehicle from the same side."""

LARGEST_CAR = math.log(1.35)
"""Logarithm of the size, in cars, up to which a vehicle is a car or van."""

SMALLEST_LORRY = math.log(1.8)
"""The same from which a vehicle is none."""

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class SizeNotes:
    """Where a vehicle was and how large it looked there; boxes cut by the frame's border are left out.

    Attributes:
        notes: centre x and lower edge, fractions of the frame; logarithm of the mean side in frame heights.
    """

    notes: list[tuple[float, float, float]] = field(default_factory=list)
    _next: float = STEP

    def observe(self, box: Box, aspect: float) -> None:
        """Note the size where the vehicle has moved on."""
        if box.touches_border:
            return
        side = math.sqrt(max(box.width * aspect * box.height, 1e-9))
        note = box.centre.x, box.y2, math.log(side)
        if self.notes:
            before = self.notes[-1]
            if math.hypot((note[0] - before[0]) * aspect, note[1] - before[1]) < self._next * side:
                return
        self.notes.append(note)
        if len(self.notes) > MOST_NOTES:
            self.notes = self.notes[::2]
            self._next *= 2

    def with_headings(self, aspect: float) -> Floats | None:
        """The notes and the heading at each, a unit vector: (N, 5); None of too short a way, or too few notes."""
        if len(self.notes) < LEAST_NOTES:
            return None
        notes = np.array(self.notes)
        places = notes[:, :2] * (aspect, 1.0)
        if math.dist(places[0], places[-1]) < LEAST_WAY:
            return None
        ways = np.gradient(places, axis=0)  # from the note before to the one after: turning shows another side
        return np.hstack((notes, ways / np.maximum(np.hypot(*ways.T), 1e-9)[:, None]))


class SceneScale:
    """The sizes of cars in one camera's picture.

    Args:
        aspect: the frame's width over its height.

    Attributes:
        cars: of each car that is remembered its notes and headings (N, 5), the newest last.
        learnt: how many were remembered since this was made.
        newest_us: event time at which the newest was seen; 0 before the first.
    """

    def __init__(self, aspect: float) -> None:
        self.aspect = aspect
        self.cars: deque[Floats] = deque(maxlen=MOST_CARS)
        self.learnt = self.newest_us = 0

    def learn(self, car: SizeNotes, at_us: int = 0) -> None:
        """Remember a vehicle that surely is a car, seen until then."""
        notes = car.with_headings(self.aspect)
        if notes is not None:
            self.cars.append(notes)
            self.learnt += 1
            self.newest_us = at_us

    def restore(self, cars: Iterable[Floats], newest_us: int) -> None:
        """Remember what another scale of the same camera had: its `cars` and `newest_us`."""
        self.cars.extend(cars)
        self.newest_us = newest_us

    def size_in_cars(self, vehicle: SizeNotes) -> float | None:
        """Logarithm of the size of a vehicle in cars seen there before; None where there is no scale."""
        own = vehicle.with_headings(self.aspect)
        if own is None or len(self.cars) < LEAST_CARS:
            return None
        near = np.array([_sizes_near(own, car) for car in self.cars])
        known = np.isfinite(near).sum(axis=0) >= LEAST_CARS
        if known.sum() < LEAST_NOTES:
            return None
        return float(np.median(own[known, 2] - np.nanmedian(near[:, known], axis=0)))


def _sizes_near(own: Floats, car: Floats) -> Floats:
    """For each note (N, 5) the size of a car (M, 5) where it was nearest; NaN if it never was near, headed so."""
    dx = np.abs(own[:, None, 0] - car[None, :, 0])
    dy = np.abs(own[:, None, 1] - car[None, :, 1])
    aside = np.abs(own[:, None, 3] * car[None, :, 4] - own[:, None, 4] * car[None, :, 3])
    is_near = (dx <= PLACE_X) & (dy <= PLACE_Y) & (aside <= SAME_HEADING)
    distance = np.where(is_near, dx * PLACE_Y / PLACE_X + dy, np.inf)
    nearest = distance.argmin(axis=1)
    return np.where(np.isfinite(distance.min(axis=1)), car[nearest, 2], np.nan)
