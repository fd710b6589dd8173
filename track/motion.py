"""Where things will be: constant-velocity Kalman filters, all tracks of one kind at once. Pure.

Each track has four independent filters, for its box's centre x, centre y, width and height, each with a position and
a velocity (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, ch. 6). Noise is
measured in box sizes, so that near and far, large and small road users are treated alike; time is real time.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from track import kernels
from track.kernels import Floats, Indices

ACCELERATION = 1.0
"""Standard deviation of a road user's acceleration, box sizes per s²."""

PERSPECTIVE = 0.4
"""The same that its speed adds, per s: who comes near grows faster, whatever the size."""

MEASUREMENT = 0.05
"""Standard deviation of a detector's box centre, box sizes; its width and height are half as uncertain again."""

OUTLIER = 0.1
"""The same for what a detector does now and then, where one thing hides part of another."""

FIRST_SPEED = 2.0
"""Standard deviation of the speed of what has just appeared, box sizes per s."""

SIZE_MEMORY_S = 0.5
"""A box's growth is forgotten within this time: it is mostly noise."""

CALM_SPEED = 1.0
"""What moves slower than so many of its sizes per second is calm."""

_OF_ACCELERATION = np.array([1.0, 1.0, 0.3, 0.3])
_OF_MEASUREMENT = np.array([1.0, 1.0, 1.5, 1.5])


class MotionBank:
    """The filters of a changing set of tracks, in pixels and seconds.

    Attributes:
        place: (N, 4) centre x, centre y, width, height.
        speed: (N, 4) their rates, per second.
        variance: (N, 4) of the place.
    """

    def __init__(self) -> None:
        self.place: Floats = np.zeros((0, 4))
        self.speed: Floats = np.zeros((0, 4))
        self.variance: Floats = np.zeros((0, 4))
        self._covariance: Floats = np.zeros((0, 4))  # of place and speed
        self._speed_variance: Floats = np.zeros((0, 4))

    def __len__(self) -> int:
        return len(self.place)

    @property
    def _filters(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        return self.place, self.speed, self.variance, self._covariance, self._speed_variance

    @property
    def boxes(self) -> Floats:
        """(N, 4) xyxy, pixels, where the filters believe the boxes to be."""
        centre, half = self.place[:, :2], self.place[:, 2:] / 2
        boxes = np.empty_like(self.place)
        np.subtract(centre, half, out=boxes[:, :2])
        np.add(centre, half, out=boxes[:, 2:])
        return boxes

    def predict(self, seconds: float) -> None:
        """Move everything on by so much time."""
        if seconds <= 0 or not len(self):
            return
        powers = (seconds, seconds**2, seconds**3, seconds**4)
        kept_growth = math.exp(-seconds / SIZE_MEMORY_S)
        kernels.predict(*self._filters, powers, kept_growth, ACCELERATION, PERSPECTIVE, _OF_ACCELERATION)

    def correct(self, rows: Indices, boxes: Floats) -> None:
        """Take in the boxes (M, 4) xyxy that were found for those rows."""
        if len(rows):
            kernels.correct(*self._filters, rows, boxes, MEASUREMENT, _OF_MEASUREMENT)

    def overlap(
        self, rows: Indices, boxes: Floats, growth: float, settled: npt.NDArray[np.bool_], leap: float
    ) -> Floats:
        """Overlap of where rows (N) are expected with boxes (M, 4), all grown by a share of their sides: (N, M).

        Calm things do not leap: of the `settled` ones (a mask of all tracks) a calm one has no overlap with a box whose
        centre would surprise its filter by more than `leap` standard deviations.
        """
        place, speed, variance, *_ = self._filters
        return kernels.similarity(place, speed, variance, settled, rows, boxes, growth, CALM_SPEED, leap, OUTLIER)

    def add(self, boxes: Floats) -> None:
        """Begin new tracks at those boxes (M, 4) xyxy, with unknown speed."""
        seen = _places(boxes)
        size = np.sqrt(seen[:, 2] * seen[:, 3])[:, None] * _OF_ACCELERATION
        self.place = np.vstack([self.place, seen])
        self.speed = np.vstack([self.speed, np.zeros_like(seen)])
        self.variance = np.vstack([self.variance, 2 * (MEASUREMENT * size) ** 2])
        self._covariance = np.vstack([self._covariance, np.zeros_like(size)])
        self._speed_variance = np.vstack([self._speed_variance, (FIRST_SPEED * size) ** 2])

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Forget all rows where the mask is False."""
        self.place, self.speed, self.variance = self.place[mask], self.speed[mask], self.variance[mask]
        self._covariance, self._speed_variance = self._covariance[mask], self._speed_variance[mask]


def _places(boxes: Floats) -> Floats:
    places = np.empty_like(boxes)
    np.add(boxes[:, :2], boxes[:, 2:], out=places[:, :2])
    places[:, :2] /= 2
    np.maximum(boxes[:, 2:] - boxes[:, :2], kernels.SMALLEST_PX, out=places[:, 2:])
    return places
