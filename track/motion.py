"""Motion model of tracklets: constant-velocity Kalman filters, all tracklets of one kind at once. Compiled, pure.

Each tracklet has four independent filters, for its box's centre x, centre y, width and height, each with a position and
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
    """State of the filters of N tracklets; columns are centre x, centre y, width and height.

    Attributes:
        position: (N, 4) pixels.
        velocity: (N, 4) pixels per second.
        variance: (N, 4) of the position, pixels².
        covariance: (N, 4) of position and velocity, pixels² per second.
        velocity_variance: (N, 4) of the velocity, pixels² per second².
    """

    position: Floats
    velocity: Floats
    variance: Floats
    covariance: Floats
    velocity_variance: Floats


class Motion(NamedTuple):
    """Noise of motion and of detection; a size is the geometric mean of the box's sides.

    Attributes:
        acceleration: standard deviation of the acceleration, sizes per s².
        perspective: what the speed adds to it, per s: an object that comes nearer speeds up in the picture.
        measurement: standard deviation of a detector's box, sizes.
        outlier: the same for occasional bad boxes, where one object hides part of another.
        calm_speed: an object slower than this is calm, sizes per second.
        size_memory_s: time constant with which the growth of a box decays: it is mostly noise.
        of_acceleration, of_measurement: factors for centre x, centre y, width and height.
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
def centres_and_sizes(boxes: Floats) -> Floats:
    """Centre x, centre y, width and height (N, 4) of boxes (N, 4) xyxy, pixels; sides are at least `SMALLEST_PX`."""
    found = np.empty_like(boxes)
    for at in range(len(boxes)):
        x1, y1, x2, y2 = boxes[at]
        found[at, 0], found[at, 1] = (x1 + x2) / 2, (y1 + y2) / 2
        found[at, 2], found[at, 3] = max(x2 - x1, SMALLEST_PX), max(y2 - y1, SMALLEST_PX)
    return found


@compiled
def predict(filters: Filters, seconds: float, motion: Motion) -> None:
    """Advance all filters in place by a time; a time of 0 or less changes nothing."""
    if seconds <= 0:
        return
    position, velocity, variance, covariance, velocity_variance = filters
    second, third, fourth = seconds**2, seconds**3, seconds**4
    kept_growth = math.exp(-seconds / motion.size_memory_s)
    for row in range(len(position)):
        pace = math.hypot(velocity[row, 0], velocity[row, 1])
        shaken = motion.acceleration * mean_side(position[row, 2], position[row, 3]) + motion.perspective * pace
        for k in range(4):
            noise = (shaken * motion.of_acceleration[k]) * (shaken * motion.of_acceleration[k])
            position[row, k] += velocity[row, k] * seconds
            cov, var_speed = covariance[row, k], velocity_variance[row, k]
            variance[row, k] = variance[row, k] + 2 * seconds * cov + second * var_speed + noise * fourth / 4
            covariance[row, k] = cov + seconds * var_speed + noise * third / 2
            velocity_variance[row, k] = var_speed + noise * second
        for k in range(2, 4):
            velocity[row, k] *= kept_growth
            position[row, k] = max(position[row, k], SMALLEST_PX)


@compiled
def correct(filters: Filters, rows: Indices, boxes: Floats, motion: Motion) -> None:
    """Correct the filters of some rows (M,), in place, by the boxes (M, 4) xyxy that were associated with them."""
    position, velocity, variance, covariance, velocity_variance = filters
    seen = centres_and_sizes(boxes)
    for at in range(len(rows)):
        row = rows[at]
        size = mean_side(position[row, 2], position[row, 3])
        for k in range(4):
            var, cov = variance[row, k], covariance[row, k]
            doubt = motion.measurement * size * motion.of_measurement[k]
            noise = doubt * doubt
            gain, gain_speed = var / (var + noise), cov / (var + noise)
            error = seen[at, k] - position[row, k]
            position[row, k] += gain * error
            velocity[row, k] += gain_speed * error
            variance[row, k] = (1 - gain) * var
            covariance[row, k] = (1 - gain) * cov
            velocity_variance[row, k] -= gain_speed * cov


@compiled
def centre_deviation(position: Floats, variance: Floats, row: int, x: float, y: float, outlier: float) -> float:
    """Distance of a centre (x, y) from the predicted one of a row, in standard deviations."""
    doubt = outlier * mean_side(position[row, 2], position[row, 3])
    return math.hypot(
        (x - position[row, 0]) / math.sqrt(variance[row, 0] + doubt * doubt),
        (y - position[row, 1]) / math.sqrt(variance[row, 1] + doubt * doubt),
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
"""The noise of road users and detectors."""

FIRST_SPEED = 2.0
"""Standard deviation of the velocity of a new tracklet, sizes per s."""


def empty_filters() -> Filters:
    """Filters of no tracklet, N = 0."""
    return Filters(*np.zeros((len(Filters._fields), 0, 4)))


def with_tracks_added(filters: Filters, boxes: Floats) -> Filters:
    """These filters and, after them, those of new tracklets at boxes (M, 4) xyxy, of unknown velocity."""
    position = centres_and_sizes(boxes)
    nothing, size = np.zeros_like(position), np.sqrt(position[:, 2] * position[:, 3])[:, None] * MOTION.of_acceleration
    new = Filters(position, nothing, 2 * (MOTION.measurement * size) ** 2, nothing, (FIRST_SPEED * size) ** 2)
    return Filters(*(np.concatenate(both) for both in zip(filters, new, strict=True)))


def selected(filters: Filters, rows: npt.NDArray[np.bool_]) -> Filters:
    """The filters of some rows, by mask (N,)."""
    return Filters(*(each[rows] for each in filters))
