"""Where things will be: constant-velocity Kalman filters, all tracks of one kind at once.

Each track has four independent filters, for its box's centre x, centre y, width and height, each with a position and
a velocity (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, ch. 6). Noise is
measured in box sizes, so that near and far, large and small road users are treated alike; time is real time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled
from track.boxes import SMALLEST_PX, Floats, Indices, mean_side


class Filters(NamedTuple):
    """The filters of tracks (`track.motion`): of each centre x, centre y, width and height, pixels and seconds.

    Attributes:
        place: (N, 4).
        speed: (N, 4).
        variance: (N, 4) of the place.
        covariance: (N, 4) of both.
        speed_variance: (N, 4).
    """

    place: Floats
    speed: Floats
    variance: Floats
    covariance: Floats
    speed_variance: Floats


class Motion(NamedTuple):
    """How road users move and detectors err; sizes are those of the box.

    Attributes:
        acceleration: standard deviation, sizes per s².
        perspective: the same that the speed adds, per s: who comes near grows faster, whatever the size.
        measurement: standard deviation of a detector's box, sizes.
        outlier: the same for what a detector does now and then, where one thing hides part of another.
        calm_speed: what moves slower than so many of its sizes per second is calm.
        size_memory_s: a box's growth is forgotten within this time: it is mostly noise.
        of_acceleration, of_measurement: share of centre x, centre y, width and height in these.
    """

    acceleration: float
    perspective: float
    measurement: float
    outlier: float
    calm_speed: float
    size_memory_s: float
    of_acceleration: tuple[float, float, float, float]
    of_measurement: tuple[float, float, float, float]


@compiled
def places(boxes: Floats) -> Floats:
    """Centre x, centre y, width and height of boxes (N, 4)."""
    found = np.empty_like(boxes)
    for at in range(len(boxes)):
        x1, y1, x2, y2 = boxes[at]
        found[at, 0], found[at, 1] = (x1 + x2) / 2, (y1 + y2) / 2
        found[at, 2], found[at, 3] = max(x2 - x1, SMALLEST_PX), max(y2 - y1, SMALLEST_PX)
    return found


@compiled
def predict(filters: Filters, seconds: float, motion: Motion) -> None:
    """Move everything on by so much time."""
    if seconds <= 0:
        return
    place, speed, variance, covariance, speed_variance = filters
    second, third, fourth = seconds**2, seconds**3, seconds**4
    kept_growth = math.exp(-seconds / motion.size_memory_s)
    for row in range(len(place)):
        pace = math.hypot(speed[row, 0], speed[row, 1])
        shaken = motion.acceleration * mean_side(place[row, 2], place[row, 3]) + motion.perspective * pace
        for k in range(4):
            noise = (shaken * motion.of_acceleration[k]) * (shaken * motion.of_acceleration[k])
            place[row, k] += speed[row, k] * seconds
            cov, var_speed = covariance[row, k], speed_variance[row, k]
            variance[row, k] = variance[row, k] + 2 * seconds * cov + second * var_speed + noise * fourth / 4
            covariance[row, k] = cov + seconds * var_speed + noise * third / 2
            speed_variance[row, k] = var_speed + noise * second
        for k in range(2, 4):
            speed[row, k] *= kept_growth
            place[row, k] = max(place[row, k], SMALLEST_PX)


@compiled
def correct(filters: Filters, rows: Indices, boxes: Floats, motion: Motion) -> None:
    """Take in the boxes (M, 4) that were found for some rows (M,)."""
    place, speed, variance, covariance, speed_variance = filters
    seen = places(boxes)
    for at in range(len(rows)):
        row = rows[at]
        size = mean_side(place[row, 2], place[row, 3])
        for k in range(4):
            var, cov = variance[row, k], covariance[row, k]
            doubt = motion.measurement * size * motion.of_measurement[k]
            noise = doubt * doubt
            gain, gain_speed = var / (var + noise), cov / (var + noise)
            error = seen[at, k] - place[row, k]
            place[row, k] += gain * error
            speed[row, k] += gain_speed * error
            variance[row, k] = (1 - gain) * var
            covariance[row, k] = (1 - gain) * cov
            speed_variance[row, k] -= gain_speed * cov


@compiled
def surprise(place: Floats, variance: Floats, row: int, x: float, y: float, outlier: float) -> float:
    """How far a centre lies from where the filter of a row expects it, standard deviations."""
    doubt = outlier * mean_side(place[row, 2], place[row, 3])
    return math.hypot(
        (x - place[row, 0]) / math.sqrt(variance[row, 0] + doubt * doubt),
        (y - place[row, 1]) / math.sqrt(variance[row, 1] + doubt * doubt),
    )


MOTION = Motion(
    acceleration=1.0,
    perspective=0.4,
    measurement=0.05,
    outlier=0.1,
    calm_speed=1.0,
    size_memory_s=0.5,
    of_acceleration=(1.0, 1.0, 0.3, 0.3),
    of_measurement=(1.0, 1.0, 1.5, 1.5),
)
"""How road users move and detectors err."""

FIRST_SPEED = 2.0
"""Standard deviation of the speed of what has just appeared, box sizes per s."""


def no_filters() -> Filters:
    """Those of no track."""
    return Filters(*np.zeros((len(Filters._fields), 0, 4)))


def with_new(filters: Filters, boxes: Floats) -> Filters:
    """These and, after them, those of new tracks at boxes (M, 4) xyxy, whose speed is unknown."""
    place = places(boxes)
    nothing, size = np.zeros_like(place), np.sqrt(place[:, 2] * place[:, 3])[:, None] * MOTION.of_acceleration
    new = Filters(place, nothing, 2 * (MOTION.measurement * size) ** 2, nothing, (FIRST_SPEED * size) ** 2)
    return Filters(*(np.concatenate(both) for both in zip(filters, new, strict=True)))


def only(filters: Filters, rows: npt.NDArray[np.bool_]) -> Filters:
    """Those of some tracks."""
    return Filters(*(each[rows] for each in filters))
