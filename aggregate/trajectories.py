"""The ways of tracks, kept compactly, so that a line or zone drawn today can be counted over history. Pure.

A way is simplified as by Douglas and Peucker (1973), in space and time together: at every instant at which the road
user was seen, each edge of the box interpolated between the points that are kept lies within `TOLERANCE` of the box's
mean side from where it was (coarser where somebody stood for very long). The hysteresis of the counting is six times
that, so that a recount decides as the live count did, save for tracks that came that near to a decision.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from aforo.model import Box, Observation, Trajectory

TOLERANCE = 0.02
"""Greatest error of a box's edge, as a share of the box's mean side."""

_MOST_KEPT = 1000
"""Points of an open track that are held. A detector's boxes tremble, so somebody who stands for hours would fill the
memory: whenever there are more, the tolerance of this track doubles."""

_BATCH = 256
"""Observations that are simplified together; a longer way keeps a point between batches, and little memory."""

_FORMAT = 1
_HEADER = struct.Struct("<BqI")
_SCALE = 16_384
"""Edges are whole multiples of 1/16384 of the frame: an eighth of a pixel at 2048 pixels."""
_EDGE_MAX = 2 * _SCALE
_LONGEST_STEP_US = 2**31 - 1


class TrajectoryRecorder:
    """Follows one open track; holds the simplified way and at most a batch of observations.

    Args:
        aspect: width over height of the frame, so that distances are true.
    """

    __slots__ = ("_aspect", "_kept", "_pending", "_tolerance")

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._tolerance = TOLERANCE
        self._kept: list[Observation] = []
        self._pending: list[Observation] = []

    def add(self, observation: Observation) -> None:
        """Take in the next position."""
        self._pending.append(observation)
        if len(self._pending) == _BATCH:
            *settled, last = simplify(self._pending, self._aspect, self._tolerance)
            self._kept += settled
            self._pending = [last]
            while len(self._kept) > _MOST_KEPT:
                self._tolerance *= 2
                self._kept = simplify(self._kept, self._aspect, self._tolerance)

    @property
    def started_at_us(self) -> int:
        """Event time of the first position."""
        return (self._kept or self._pending)[0].at_us

    def finish(self, camera: str, session: str, track_id: int, road_user: str) -> Trajectory:
        """The whole way, when the track is over."""
        points = (*self._kept, *simplify(self._pending, self._aspect, self._tolerance))
        return Trajectory(camera, session, track_id, points[0].at_us, points[-1].at_us, road_user, self._aspect, points)


def simplify(way: Sequence[Observation], aspect: float, tolerance: float = TOLERANCE) -> list[Observation]:
    """The fewest positions, first and last among them, that Douglas and Peucker's rule keeps of a way.

    Args:
        way: in the order of time.
        aspect: width over height of the frame.
        tolerance: greatest error of an edge, as a share of the box's mean side.
    """
    if len(way) <= 2:  # noqa: PLR2004 -- its ends
        return list(way)
    times = np.array([observation.at_us - way[0].at_us for observation in way], dtype=np.float64)
    edges = np.array([observation.box for observation in way], dtype=np.float64) * (aspect, 1.0, aspect, 1.0)
    allowed = tolerance * (edges[:, 2] - edges[:, 0] + edges[:, 3] - edges[:, 1]) / 2
    keep = {0, len(way) - 1}
    pieces = [(0, len(way) - 1)]
    while pieces:
        first, last = pieces.pop()
        if last - first < 2:  # noqa: PLR2004 -- nothing between
            continue
        between = slice(first + 1, last)
        share = (times[between] - times[first]) / max(times[last] - times[first], 1.0)
        straight = edges[first] + share[:, None] * (edges[last] - edges[first])
        error = np.abs(edges[between] - straight).max(axis=1) / np.maximum(allowed[between], 1e-9)
        worst = int(error.argmax())
        if error[worst] > 1.0:
            middle = first + 1 + worst
            keep.add(middle)
            pieces += [(first, middle), (middle, last)]
    return [way[index] for index in sorted(keep)]


def encode(points: Sequence[Observation]) -> bytes:
    """Positions as bytes: steps from one to the next, compressed; times to the microsecond, edges to 1/16384."""
    at_us = np.array([point.at_us for point in points], dtype=np.int64)
    edges = np.rint(np.array([point.box for point in points], dtype=np.float64) * _SCALE)
    steps = np.empty((5, len(points)), dtype="<i4")
    steps[0] = np.minimum(np.diff(at_us, prepend=at_us[0]), _LONGEST_STEP_US)
    steps[1:] = np.diff(np.clip(edges, -_EDGE_MAX, _EDGE_MAX).T, prepend=0)
    return _HEADER.pack(_FORMAT, points[0].at_us, len(points)) + zlib.compress(_by_bytes(steps))


def decode(data: bytes) -> tuple[Observation, ...]:
    """Positions from bytes.

    Raises:
        ValueError: they are not of `encode`.
    """
    form, start_us, count = _HEADER.unpack_from(data)
    if form != _FORMAT:
        raise ValueError(f"expected a trajectory of format {_FORMAT}, got format {form}")
    planes = np.frombuffer(zlib.decompress(data[_HEADER.size :]), dtype=np.uint8)
    steps = np.ascontiguousarray(planes.reshape(5, 4, count).transpose(0, 2, 1)).view("<i4")[..., 0]
    at_us = start_us + np.cumsum(steps[0], dtype=np.int64)
    edges = np.cumsum(steps[1:], axis=1).T / _SCALE
    return tuple(Observation(at, Box(*box)) for at, box in zip(at_us.tolist(), edges.tolist(), strict=True))


def _by_bytes(steps: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> bytes:
    """All low bytes first, then the next: they resemble each other, which compression likes."""
    return steps.view(np.uint8).reshape(*steps.shape, 4).transpose(0, 2, 1).tobytes()
