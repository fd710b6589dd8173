"""Where things will be: constant-velocity Kalman filters, all tracks of one kind at once.

Each track has four independent filters, for its box's centre x, centre y, width and height, each with a position and
a velocity (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, ch. 6). Noise is
measured in box sizes, so that near and far, large and small road users are treated alike; time is real time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from track import kernels
from track.kernels import Filters, Floats, Motion

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
    place = kernels.places(boxes)
    nothing, size = np.zeros_like(place), np.sqrt(place[:, 2] * place[:, 3])[:, None] * MOTION.of_acceleration
    new = Filters(place, nothing, 2 * (MOTION.measurement * size) ** 2, nothing, (FIRST_SPEED * size) ** 2)
    return Filters(*(np.concatenate(both) for both in zip(filters, new, strict=True)))


def only(filters: Filters, rows: npt.NDArray[np.bool_]) -> Filters:
    """Those of some tracks."""
    return Filters(*(each[rows] for each in filters))
