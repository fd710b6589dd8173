"""Compact trajectories of tracks, so that a line or zone drawn today can be counted over history. Pure.

A trajectory is simplified by Douglas and Peucker's rule (1973), in space and time together: at every time at which the
road user was seen, each edge of the box interpolated between the kept positions is within `TOLERANCE` of the seen one
(more where a road user stood for very long). The hysteresis of counting is six times that, so that a recount decides as
the live count did, except for tracks that came as near as that to a decision.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled
from aforo.model import TrackKey, Trajectory
from aforo.tracked_batch import POSITION, Flags, Floats, Ints
from aggregate.counting.lines_and_zones import corners_at

TOLERANCE = 0.02
"""Greatest error of a box's edge, as a share of the box's mean side."""

_MOST_KEPT = 1000
"""Most kept positions of an open track. Detected boxes vary a little, so a road user that stands for hours would fill
the memory: whenever there are more, the tolerance of the track doubles."""

_BATCH = 256
"""Positions that are simplified together; a longer trajectory keeps one between batches."""

_FORMAT = 1
_HEADER = struct.Struct("<BqI")
_SHORT = 2048
"""Most bytes that zlib compresses with little memory: allocating more would take longer than compressing."""

_POSITION = struct.Struct("<q4d")
_TIME = struct.Struct("<q")


class TrajectoryRecorder:
    """Records one open track: its simplified trajectory and at most one batch of positions.

    Args:
        aspect: width over height of the frame.
    """

    __slots__ = ("_aspect", "_kept", "_pending", "_tolerance")

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._tolerance = TOLERANCE
        self._kept = b""
        self._pending = bytearray()

    def extend(self, positions: bytes) -> None:
        """Add positions, the bytes of as many `POSITION`; in one call or several makes no difference."""
        pending, full = self._pending, _BATCH * _POSITION.size
        if len(pending) + len(positions) < full:
            pending += positions
            return
        while len(pending) + len(positions) >= full:
            room = full - len(pending)
            pending += positions[:room]
            positions = positions[room:]
            self._simplify_pending()
            pending = self._pending
        pending += positions

    def _simplify_pending(self) -> None:
        """Simplify the pending positions, except the last one."""
        settled = simplify([self._pending], [self._aspect], [self._tolerance])[0]
        self._kept += settled[: -_POSITION.size]
        self._pending = bytearray(settled[-_POSITION.size :])
        while len(self._kept) > _MOST_KEPT * _POSITION.size:
            self._tolerance *= 2
            self._kept = simplify([self._kept], [self._aspect], [self._tolerance])[0]

    @property
    def last_position(self) -> bytes:
        """The newest position, the bytes of one `POSITION`; b"" before the first."""
        return bytes(self._pending[-_POSITION.size :])

    @property
    def started_at_us(self) -> int:
        """Event time of the first position."""
        (at_us,) = _TIME.unpack_from(self._kept or self._pending)
        return int(at_us)


def finished(tracks: Sequence[tuple[TrackKey, str, TrajectoryRecorder]]) -> list[Trajectory]:
    """The trajectories of ended tracks, with their class; simplified in one call, which is much faster."""
    recorders = [recorder for _, _, recorder in tracks]
    ends = simplify(
        [recorder._pending for recorder in recorders],
        [recorder._aspect for recorder in recorders],
        [recorder._tolerance for recorder in recorders],
    )
    return [
        Trajectory(
            key.camera,
            key.session,
            key.track_id,
            recorder.started_at_us,
            _TIME.unpack_from(end, len(end) - _POSITION.size)[0],
            road_user,
            recorder._aspect,
            recorder._kept + end,
        )
        for (key, road_user, recorder), end in zip(tracks, ends, strict=True)
    ]


def simplify(
    trajectories: Sequence[bytes | bytearray], aspects: Sequence[float], tolerances: Sequence[float]
) -> list[bytes]:
    """Simplify trajectories: the positions, first and last included, that Douglas and Peucker's rule keeps of each.

    Args:
        trajectories: each the bytes of its `POSITION`s in order of time, at least one.
        aspects: width over height of each trajectory's frame.
        tolerances: for each trajectory, the largest error of an edge as a share of the box's mean side.
    """
    first_row, positions = _columns_of(trajectories)
    keep = _keep_mask(first_row, positions["at_us"], positions["box"], np.array(aspects), np.array(tolerances))
    kept = positions[keep].tobytes()
    stops = (np.cumsum(keep)[first_row[1:] - 1] * POSITION.itemsize).tolist()
    return [kept[start:stop] for start, stop in itertools.pairwise([0, *stops])]


def pack_trajectories(trajectories: Sequence[bytes]) -> list[bytes]:
    """Compress trajectories, each the bytes of its `POSITION`s.

    Times (µs) and edges (in 1/`SCALE`) are stored as differences between positions, as 32-bit integers in byte planes:
    all lowest bytes first, then the next, which compress well with zlib.
    """
    first_row, positions = _columns_of(trajectories)
    long = np.diff(positions["at_us"]) > LONGEST_STEP_US
    long[first_row[1:-1] - 1] = False
    if long.any():  # a road user that stood for most of an hour
        trajectories = [_with_short_steps(trajectory) for trajectory in trajectories]
        first_row, positions = _columns_of(trajectories)
    planes = _planes(first_row, positions["at_us"], positions["box"]).tobytes()
    encoded = []
    for trajectory, (start, stop) in zip(
        trajectories, itertools.pairwise((first_row * STEP_BYTES).tolist()), strict=True
    ):
        packer = zlib.compressobj(wbits=12, memLevel=5) if stop - start < _SHORT else zlib.compressobj()
        head = _HEADER.pack(_FORMAT, *_TIME.unpack_from(trajectory), len(trajectory) // _POSITION.size)
        encoded.append(head + packer.compress(planes[start:stop]) + packer.flush())
    return encoded


def _with_short_steps(trajectory: bytes) -> bytes:
    """The same trajectory with positions added where a time step is too long for the format."""
    known = np.frombuffer(trajectory, POSITION)
    at_us, start_us = known["at_us"], known["at_us"][0]
    more = [np.arange(a, b, LONGEST_STEP_US) for a, b in itertools.pairwise(at_us.tolist())]
    found = np.empty(sum(map(len, more)) + 1, POSITION)
    found["at_us"] = np.concatenate([*more, at_us[-1:]])
    for edge in range(4):
        found["box"][:, edge] = np.interp(found["at_us"] - start_us, at_us - start_us, known["box"][:, edge])
    return found.tobytes()


def unpack_trajectory(data: bytes) -> bytes:
    """The bytes of the `POSITION`s of one trajectory, from those that `pack_trajectories` made.

    Raises:
        ValueError: they have another format.
    """
    form, start_us, count = _HEADER.unpack_from(data)
    if form != _FORMAT:
        raise ValueError(f"expected a trajectory of format {_FORMAT}, got format {form}")
    planes = np.frombuffer(zlib.decompress(data[_HEADER.size :]), dtype=np.uint8)
    steps = np.ascontiguousarray(planes.reshape(5, 4, count).transpose(0, 2, 1)).view("<i4")[..., 0]
    trajectory = np.empty(count, POSITION)
    trajectory["at_us"] = start_us + np.cumsum(steps[0], dtype=np.int64)
    trajectory["box"] = np.cumsum(steps[1:], axis=1).T / SCALE
    return trajectory.tobytes()


def _columns_of(trajectories: Sequence[bytes | bytearray]) -> tuple[Ints, npt.NDArray[np.void]]:
    """(T + 1,) first row of each trajectory, and the end; and all positions as one array."""
    first_row = np.array([0, *itertools.accumulate(map(len, trajectories))], np.int64) // POSITION.itemsize
    return first_row, np.frombuffer(b"".join(trajectories), POSITION)


SCALE = 16_384
"""Stored edges are multiples of 1/16384 of the frame: an eighth of a pixel at 2048 pixels."""

STEP_BYTES = 20
"""Size of a stored position before compression: time and four edges."""

_EDGE_MAX = 2 * SCALE

LONGEST_STEP_US = 2**31 - 1
"""Longest stored time between positions, microseconds: more than half an hour."""


@compiled
def _keep_mask(first_row: Ints, at_us: Ints, box: Floats, aspect: Floats, tolerance: Floats) -> Flags:
    """Mask (N,) of the positions, first and last included, that Douglas and Peucker's rule keeps of T trajectories.

    Args:
        first_row: (T + 1,) first row of each trajectory, which has at least one position, and the end.
        at_us: (N,) event times, those of a trajectory in order.
        box: (N, 4) x1, y1, x2, y2, fractions of the frame.
        aspect: (T,) width over height of each trajectory's frame.
        tolerance: (T,) largest error of an edge, as a share of the box's mean side.
    """
    keep = np.zeros(len(at_us), np.bool_)
    segments = np.empty((len(at_us), 2), np.int64)
    for trajectory in range(len(first_row) - 1):
        segments[0, 0], segments[0, 1], count = first_row[trajectory], first_row[trajectory + 1] - 1, 1
        keep[segments[0, 0]] = keep[segments[0, 1]] = True
        while count:
            count -= 1
            first, last = segments[count]
            middle = _worst(at_us, box, aspect[trajectory], tolerance[trajectory], first, last)
            if middle >= 0:
                keep[middle] = True
                segments[count, 0], segments[count, 1] = first, middle
                segments[count + 1, 0], segments[count + 1, 1] = middle, last
                count += 2
    return keep


@compiled
def _worst(at_us: Ints, box: Floats, aspect: float, tolerance: float, first: int, last: int) -> int:
    """The row between two that is farthest from the interpolation between them, if beyond the tolerance; else -1."""
    worst, found = 1.0, -1
    over_us = max(float(at_us[last] - at_us[first]), 1.0)
    for row in range(first + 1, last):
        share = float(at_us[row] - at_us[first]) / over_us
        x1, y1, x2, y2 = corners_at(box, row)
        allowed = max(tolerance * ((x2 - x1) * aspect + (y2 - y1)) / 2, 1e-9)
        for edge in range(4):
            straight = box[first, edge] + share * (box[last, edge] - box[first, edge])
            error = abs(box[row, edge] - straight) * (1.0 if edge % 2 else aspect) / allowed
            if error > worst:
                worst, found = error, row
    return found


@compiled
def _planes(first_row: Ints, at_us: Ints, box: Floats) -> npt.NDArray[np.uint8]:
    """The positions of T trajectories as differences, in byte planes.

    Args:
        first_row: (T + 1,) first row of each trajectory, and the end.
        at_us: (N,) event times.
        box: (N, 4) x1, y1, x2, y2, fractions of the frame.

    Returns:
        `STEP_BYTES` for each row, trajectory by trajectory: the times from its first one in microseconds, then each
        edge in multiples of 1/`SCALE`; of each the differences of all rows as 32-bit integers, lowest bytes first.
    """
    found, at = np.empty(len(at_us) * STEP_BYTES, np.uint8), 0
    for trajectory in range(len(first_row) - 1):
        first, after = first_row[trajectory], first_row[trajectory + 1]
        steps = np.empty(after - first, np.int64)
        for column in range(5):
            before = at_us[first] if column == 0 else 0
            for row in range(first, after):
                if column == 0:
                    now = at_us[row]
                else:
                    now = round(max(-_EDGE_MAX, min(_EDGE_MAX, box[row, column - 1] * SCALE)))
                steps[row - first] = max(-LONGEST_STEP_US, min(LONGEST_STEP_US, now - before))
                before = now
            for shift in range(0, 32, 8):
                for step in steps:
                    found[at] = (step >> shift) & 0xFF
                    at += 1
    return found
