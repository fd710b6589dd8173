"""The ways of tracks, kept compactly, so that a line or zone drawn today can be counted over history. Pure.

A way is simplified as by Douglas and Peucker (1973), in space and time together: at every instant at which the road
user was seen, each edge of the box interpolated between the points that are kept lies within `TOLERANCE` of the box's
mean side from where it was (coarser where somebody stood for very long). The hysteresis of the counting is six times
that, so that a recount decides as the live count did, save for tracks that came that near to a decision.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled
from aforo.model import PastPosition, TrackKey, Trajectory
from aforo.tracked_batch import POSITION, Flags, Floats, Ints
from aggregate.counting.lines_and_zones import _box

TOLERANCE = 0.02
"""Greatest error of a box's edge, as a share of the box's mean side."""

_MOST_KEPT = 1000
"""Points of an open track that are held. A detector's boxes tremble, so somebody who stands for hours would fill the
memory: whenever there are more, the tolerance of this track doubles."""

_BATCH = 256
"""Observations that are simplified together; a longer way keeps a point between batches, and little memory."""

_FORMAT = 1
_HEADER = struct.Struct("<BqI")
_SHORT = 2048
"""Bytes for which zlib needs little memory: to make room for more would cost more than the work itself."""

_POSITION = struct.Struct("<q4d")
_TIME = struct.Struct("<q")


class TrajectoryRecorder:
    """Follows one open track; holds the simplified way and at most a batch of positions.

    Args:
        aspect: width over height of the frame, so that distances are true.
    """

    __slots__ = ("_aspect", "_kept", "_pending", "_tolerance")

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._tolerance = TOLERANCE
        self._kept = b""
        self._pending = bytearray()

    def extend(self, positions: bytes) -> None:
        """Take in the next positions, the bytes of as many `POSITION`; the same as one after another."""
        pending, full = self._pending, _BATCH * _POSITION.size
        if len(pending) + len(positions) < full:
            pending += positions
            return
        while len(pending) + len(positions) >= full:
            room = full - len(pending)
            pending += positions[:room]
            positions = positions[room:]
            self._settle()
            pending = self._pending
        pending += positions

    def _settle(self) -> None:
        """Simplify what is pending, save for its last position."""
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


def positions(points: Iterable[PastPosition]) -> bytes:
    """The bytes of as many `POSITION`."""
    return b"".join([_POSITION.pack(at_us, *box) for at_us, box in points])


def finished(tracks: Sequence[tuple[TrackKey, str, TrajectoryRecorder]]) -> list[Trajectory]:
    """The whole ways of tracks that are over, with their class; all simplified together, which is much quicker."""
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


def simplify(ways: Sequence[bytes | bytearray], aspects: Sequence[float], tolerances: Sequence[float]) -> list[bytes]:
    """The positions, first and last among them, that Douglas and Peucker's rule keeps of each of many ways.

    Args:
        ways: each the bytes of its `POSITION`s in the order of time, one at least.
        aspects: width over height of each way's frame.
        tolerances: for each way, the greatest error of an edge as a share of the box's mean side.
    """
    first_row, positions = _joined(ways)
    keep = _kept(first_row, positions["at_us"], positions["box"], np.array(aspects), np.array(tolerances))
    kept = positions[keep].tobytes()
    stops = (np.cumsum(keep)[first_row[1:] - 1] * POSITION.itemsize).tolist()
    return [kept[start:stop] for start, stop in itertools.pairwise([0, *stops])]


def encode(ways: Sequence[bytes]) -> list[bytes]:
    """Many ways, each the bytes of its `POSITION`s, as fewer bytes.

    Steps from one position to the next, times to the microsecond, edges to `SCALE`; all low bytes first, then
    the next: they resemble each other, which compression likes.
    """
    first_row, positions = _joined(ways)
    long = np.diff(positions["at_us"]) > LONGEST_STEP_US
    long[first_row[1:-1] - 1] = False
    if long.any():  # somebody who stood still for most of an hour
        ways = [_stepwise(way) for way in ways]
        first_row, positions = _joined(ways)
    planes = _planes(first_row, positions["at_us"], positions["box"]).tobytes()
    encoded = []
    for way, (start, stop) in zip(ways, itertools.pairwise((first_row * STEP_BYTES).tolist()), strict=True):
        packer = zlib.compressobj(wbits=12, memLevel=5) if stop - start < _SHORT else zlib.compressobj()
        head = _HEADER.pack(_FORMAT, *_TIME.unpack_from(way), len(way) // _POSITION.size)
        encoded.append(head + packer.compress(planes[start:stop]) + packer.flush())
    return encoded


def _stepwise(way: bytes) -> bytes:
    """The same way with more positions on it, where a step is longer than the format has room for."""
    known = np.frombuffer(way, POSITION)
    at_us, start_us = known["at_us"], known["at_us"][0]
    more = [np.arange(a, b, LONGEST_STEP_US) for a, b in itertools.pairwise(at_us.tolist())]
    found = np.empty(sum(map(len, more)) + 1, POSITION)
    found["at_us"] = np.concatenate([*more, at_us[-1:]])
    for edge in range(4):
        found["box"][:, edge] = np.interp(found["at_us"] - start_us, at_us - start_us, known["box"][:, edge])
    return found.tobytes()


def decode(data: bytes) -> bytes:
    """A way from the bytes of `encode`.

    Raises:
        ValueError: they are not of `encode`.
    """
    form, start_us, count = _HEADER.unpack_from(data)
    if form != _FORMAT:
        raise ValueError(f"expected a trajectory of format {_FORMAT}, got format {form}")
    planes = np.frombuffer(zlib.decompress(data[_HEADER.size :]), dtype=np.uint8)
    steps = np.ascontiguousarray(planes.reshape(5, 4, count).transpose(0, 2, 1)).view("<i4")[..., 0]
    way = np.empty(count, POSITION)
    way["at_us"] = start_us + np.cumsum(steps[0], dtype=np.int64)
    way["box"] = np.cumsum(steps[1:], axis=1).T / SCALE
    return way.tobytes()


def _joined(ways: Sequence[bytes | bytearray]) -> tuple[Ints, npt.NDArray[np.void]]:
    """The row at which each way begins, and where the last one ends; and the positions of all."""
    first_row = np.array([0, *itertools.accumulate(map(len, ways))], np.int64) // POSITION.itemsize
    return first_row, np.frombuffer(b"".join(ways), POSITION)


SCALE = 16_384
"""Edges of kept ways are whole multiples of 1/16384 of the frame: an eighth of a pixel at 2048 pixels."""


STEP_BYTES = 20
"""Of a kept position: its time and four edges."""


_EDGE_MAX = 2 * SCALE


LONGEST_STEP_US = 2**31 - 1
"""Of a kept way, from one position to the next: more than half an hour."""


@compiled
def _kept(first_row: Ints, at_us: Ints, box: Floats, aspect: Floats, tolerance: Floats) -> Flags:
    """Which positions, first and last among them, Douglas and Peucker's rule keeps of each of many ways.

    Args:
        first_row: (T + 1,) of each way, which has one position at least.
        at_us: (N,) event times, those of a way in order.
        box: (N, 4) x1, y1, x2, y2 as fractions of the frame.
        aspect: (T,) width over height of each way's frame.
        tolerance: (T,) the greatest error of an edge, as a share of the box's mean side.
    """
    keep = np.zeros(len(at_us), np.bool_)
    left = np.empty((len(at_us), 2), np.int64)
    for way in range(len(first_row) - 1):
        left[0, 0], left[0, 1], count = first_row[way], first_row[way + 1] - 1, 1
        keep[left[0, 0]] = keep[left[0, 1]] = True
        while count:
            count -= 1
            first, last = left[count]
            middle = _worst(at_us, box, aspect[way], tolerance[way], first, last)
            if middle >= 0:
                keep[middle] = True
                left[count, 0], left[count, 1] = first, middle
                left[count + 1, 0], left[count + 1, 1] = middle, last
                count += 2
    return keep


@compiled
def _worst(at_us: Ints, box: Floats, aspect: float, tolerance: float, first: int, last: int) -> int:
    """The position between two that is farthest from the straight way, if that is beyond the tolerance; else -1."""
    worst, found = 1.0, -1
    over_us = max(float(at_us[last] - at_us[first]), 1.0)
    for row in range(first + 1, last):
        share = float(at_us[row] - at_us[first]) / over_us
        x1, y1, x2, y2 = _box(box, row)
        allowed = max(tolerance * ((x2 - x1) * aspect + (y2 - y1)) / 2, 1e-9)
        for edge in range(4):
            straight = box[first, edge] + share * (box[last, edge] - box[first, edge])
            error = abs(box[row, edge] - straight) * (1.0 if edge % 2 else aspect) / allowed
            if error > worst:
                worst, found = error, row
    return found


@compiled
def _planes(first_row: Ints, at_us: Ints, box: Floats) -> npt.NDArray[np.uint8]:
    """The steps of many ways, from no time and place at all to the first position and from one to the next, as bytes.

    Args:
        first_row: (T + 1,) of each way.
        at_us: (N,) event times.
        box: (N, 4) x1, y1, x2, y2 as fractions of the frame.

    Returns:
        `STEP_BYTES` for each row, way after way. Of a way the times first, from its beginning in microseconds, then
        each edge in multiples of 1/`SCALE`; of each the steps of all rows as 32-bit integers, the low bytes first.
    """
    found, at = np.empty(len(at_us) * STEP_BYTES, np.uint8), 0
    for way in range(len(first_row) - 1):
        first, after = first_row[way], first_row[way + 1]
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
