"""Where things will be: constant-velocity Kalman filters, all tracks of one kind at once. Pure numpy.

Each track has four independent filters, for its box's centre x, centre y, width and height, each with a position and
a velocity (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, ch. 6). Noise is
measured in box sizes, so that near and far, large and small road users are treated alike; time is real time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

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

_OF_ACCELERATION = np.array([1.0, 1.0, 0.3, 0.3])
_OF_MEASUREMENT = np.array([1.0, 1.0, 1.5, 1.5])
_SMALLEST_PX = 2.0


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
    def size(self) -> Floats:
        """(N,) geometric mean of width and height, pixels."""
        size: Floats = np.sqrt(np.maximum(self.place[:, 2] * self.place[:, 3], 1.0))
        return size

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
        pace = np.hypot(self.speed[:, 0], self.speed[:, 1])
        noise = ((ACCELERATION * self.size + PERSPECTIVE * pace)[:, None] * _OF_ACCELERATION) ** 2
        self.place += self.speed * seconds
        self.speed[:, 2:] *= np.exp(-seconds / SIZE_MEMORY_S)
        self.place[:, 2:] = np.maximum(self.place[:, 2:], _SMALLEST_PX)
        cov, var_speed = self._covariance, self._speed_variance
        self.variance = self.variance + 2 * seconds * cov + seconds**2 * var_speed + noise * seconds**4 / 4
        self._covariance = cov + seconds * var_speed + noise * seconds**3 / 2
        self._speed_variance = var_speed + noise * seconds**2

    def correct(self, rows: npt.NDArray[np.intp], boxes: Floats) -> None:
        """Take in the boxes (M, 4) xyxy that were found for those rows."""
        if not len(rows):
            return
        seen = _places(boxes)
        noise = (MEASUREMENT * self.size[rows, None] * _OF_MEASUREMENT) ** 2
        var, cov = self.variance[rows], self._covariance[rows]
        gain, gain_speed = var / (var + noise), cov / (var + noise)
        error = seen - self.place[rows]
        self.place[rows] += gain * error
        self.speed[rows] += gain_speed * error
        self.variance[rows] = (1 - gain) * var
        self._covariance[rows] = (1 - gain) * cov
        self._speed_variance[rows] -= gain_speed * cov

    def surprise(self, rows: npt.NDArray[np.intp], boxes: Floats) -> Floats:
        """How far the centres of boxes (M, 4) lie from where those rows are expected: (N, M), standard deviations."""
        place = self.place[rows]
        sigma = np.sqrt(self.variance[rows, :2] + (OUTLIER * self.size[rows, None]) ** 2)
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        surprise: Floats = np.hypot((x - place[:, :1]) / sigma[:, :1], (y - place[:, 1:2]) / sigma[:, 1:])
        return surprise

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
    np.maximum(boxes[:, 2:] - boxes[:, :2], _SMALLEST_PX, out=places[:, 2:])
    return places
