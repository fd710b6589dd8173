"""Many tracked frames as columns: what travels on every bus, and what the counting takes in at once.

One frame is a batch of one. Columns of messages have N rows; columns of positions have P rows, message after message,
the positions of a road user in the order of time; columns of ended tracks have K rows, message after message.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.model import Box, PastPosition, TrackedFrame, TrackedObject, TrackEnd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
TrackIds = npt.NDArray[np.uint64]

POSITION = np.dtype([("at_us", "<i8"), ("box", "<f8", 4)])
"""Where a road user was: event time; x1, y1, x2, y2 as fractions of the frame."""

_POSITION = struct.Struct("<q4d")

HEAD = np.dtype(
    [
        ("frame_index", "<u8"),
        ("captured_at_us", "<i8"),
        ("span_us", "<i8"),
        ("width_px", "<u4"),
        ("height_px", "<u4"),
        ("dropped", "<u4"),
        ("last", "?"),
    ]
)
"""The fields of a `TrackedFrame` that are numbers; a row of it is a `FrameHead`."""

NO_CLASS = -1
"""The class of an ended track whose rows are all taken back (`TrackEnd.road_user` is None)."""

_NONE = np.empty(0, np.int64)
_NO_IDS = np.empty(0, np.uint64)
_NO_SHARES = np.empty(0, np.float64)


class FrameHead(NamedTuple):
    """The fields of one `TrackedFrame` that are numbers, named as there, save for `index`.

    >>> frame = TrackedFrame("north", "s1", 12, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> (head,) = TrackedBatch.of([frame]).heads()
    >>> head.frame_index, head.span_us
    (12, 100000)
    """

    frame_index: int
    captured_at_us: int
    span_us: int
    width_px: int
    height_px: int
    dropped: int
    last: bool


@dataclass(frozen=True, slots=True)
class TrackedBatch:
    """Tracked frames of any cameras, those of a session in order.

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080,
    ...                      objects=(TrackedObject(7, Box(0.1, 0.2, 0.3, 0.4), "car", 0.9, first=True),))
    >>> batch = TrackedBatch.of([frame])
    >>> batch.frames() == [frame]
    True
    >>> len(batch), batch.track_id.tolist(), batch.names
    (1, [7], ('car',))

    Attributes:
        sessions: camera and session of the messages, each pair once; there may be others.
        session: (N,) which of `sessions` each message is of.
        head: (N,) of the type `HEAD`.
        names: road-user classes.
        message: (P,) the row of the message that each position came in.
        track_id: (P,) unique within camera and session.
        position: (P,) of the type `POSITION`.
        road_user: (P,) index into `names`: the best class so far.
        confidence: (P,) of the detection, 0..1; 0 where `backfilled`.
        first: (P,) whether it came in the first message of its track.
        backfilled: (P,) whether it is from before the track was confirmed; comes before the position of the frame.
        end_message: (K,) the row of the message that each ended track came in.
        end_track_id: (K,) the track.
        end_road_user: (K,) its class for good, index into `names`, or `NO_CLASS`.
        end_class_confidence: (K,) the probability that this is right, 0..1; NaN where nobody can tell.
    """

    sessions: Sequence[tuple[str, str]]
    session: Ints
    head: npt.NDArray[np.void]
    names: Sequence[str]
    message: Ints
    track_id: TrackIds
    position: npt.NDArray[np.void]
    road_user: Ints
    confidence: Floats
    first: Flags
    backfilled: Flags
    end_message: Ints
    end_track_id: TrackIds
    end_road_user: Ints
    end_class_confidence: Floats

    def __len__(self) -> int:
        """How many messages."""
        return len(self.head)

    @classmethod
    def of(cls, frames: Sequence[TrackedFrame]) -> TrackedBatch:
        """The batch of those frames, in that order."""
        sessions: dict[tuple[str, str], int] = {}
        names: dict[str, int] = {}
        of_session, heads, positions = [], [], bytearray()
        message: list[int] = []
        track_id: list[int] = []
        road_user: list[int] = []
        confidence: list[float] = []
        first: list[bool] = []
        earlier: list[int] = []
        ends: list[tuple[int, int, int, float]] = []
        pack = _POSITION.pack
        for row, frame in enumerate(frames):
            at_us = frame.captured_at_us
            of_session.append(sessions.setdefault((frame.camera, frame.session), len(sessions)))
            heads.append(
                (frame.index, at_us, frame.span_us, frame.width_px, frame.height_px, frame.dropped, frame.last)
            )
            for seen in frame.objects:
                name = names.setdefault(seen.road_user, len(names))
                for past_us, box in seen.backfill:
                    positions += pack(past_us, *box)
                    earlier.append(len(message))
                    message.append(row)
                    track_id.append(seen.track_id)
                    road_user.append(name)
                    confidence.append(0.0)
                    first.append(seen.first)
                positions += pack(at_us, *seen.box)
                message.append(row)
                track_id.append(seen.track_id)
                road_user.append(name)
                confidence.append(seen.confidence)
                first.append(seen.first)
            for end in frame.ended:
                name = NO_CLASS if end.road_user is None else names.setdefault(end.road_user, len(names))
                sure = math.nan if end.class_confidence is None else end.class_confidence
                ends.append((row, end.track_id, name, sure))
        backfilled = np.zeros(len(message), bool)
        if earlier:
            backfilled[earlier] = True
        return cls(
            tuple(sessions),
            np.array(of_session, np.int64),
            np.array(heads, HEAD),
            tuple(names),
            np.array(message, np.int64),
            np.array(track_id, np.uint64),
            np.frombuffer(positions, POSITION),
            np.array(road_user, np.int64),
            np.array(confidence, np.float64),
            np.array(first, bool),
            backfilled,
            np.array([end[0] for end in ends], np.int64) if ends else _NONE,
            np.array([end[1] for end in ends], np.uint64) if ends else _NO_IDS,
            np.array([end[2] for end in ends], np.int64) if ends else _NONE,
            np.array([end[3] for end in ends], np.float64) if ends else _NO_SHARES,
        )

    def heads(self) -> list[FrameHead]:
        """The numbers of each message."""
        return list(map(FrameHead._make, self.head.tolist()))

    def ended(self) -> dict[int, list[TrackEnd]]:
        """The ended tracks, by the row of the message that they came in."""
        found: dict[int, list[TrackEnd]] = {}
        columns = self.end_message, self.end_track_id, self.end_road_user, self.end_class_confidence
        for row, track_id, name, sure in zip(*(column.tolist() for column in columns), strict=True):
            road_user = None if name == NO_CLASS else self.names[name]
            found.setdefault(row, []).append(TrackEnd(track_id, road_user, None if math.isnan(sure) else sure))
        return found

    def frames(self) -> list[TrackedFrame]:
        """The messages one by one."""
        objects: list[list[TrackedObject]] = [[] for _ in range(len(self))]
        past: list[PastPosition] = []
        columns = (
            self.message,
            self.track_id,
            self.position,
            self.road_user,
            self.confidence,
            self.first,
            self.backfilled,
        )
        for row, track_id, (at_us, edges), name, confidence, first, backfilled in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            box = Box(*edges)
            if backfilled:
                past.append(PastPosition(at_us, box))
                continue
            objects[row].append(
                TrackedObject(
                    track_id=track_id,
                    box=box,
                    road_user=self.names[name],
                    confidence=confidence,
                    first=first,
                    backfill=tuple(past),
                )
            )
            past.clear()
        ended = self.ended()
        return [
            TrackedFrame(
                camera=self.sessions[session][0],
                session=self.sessions[session][1],
                index=head.frame_index,
                captured_at_us=head.captured_at_us,
                span_us=head.span_us,
                width_px=head.width_px,
                height_px=head.height_px,
                objects=tuple(objects[row]),
                ended=tuple(ended.get(row, ())),
                dropped=head.dropped,
                last=head.last,
            )
            for row, (session, head) in enumerate(zip(self.session.tolist(), self.heads(), strict=True))
        ]

    def select(self, rows: Sequence[int]) -> TrackedBatch:
        """The messages at those rows, in that order; it keeps nothing of the others in memory but their names.

        >>> frames = [TrackedFrame("north", "s1", index, 0, 0, 1920, 1080) for index in range(3)]
        >>> [frame.index for frame in TrackedBatch.of(frames).select([2, 0]).frames()]
        [2, 0]
        """
        place = np.full(len(self), -1, np.int64)
        place[rows] = np.arange(len(rows))
        seen, message = _moved(place, self.message)
        over, end_message = _moved(place, self.end_message)
        return TrackedBatch(
            sessions=self.sessions,
            session=self.session[rows],
            head=self.head[rows],
            names=self.names,
            message=message,
            track_id=self.track_id[seen],
            position=self.position[seen],
            road_user=self.road_user[seen],
            confidence=self.confidence[seen],
            first=self.first[seen],
            backfilled=self.backfilled[seen],
            end_message=end_message,
            end_track_id=self.end_track_id[over],
            end_road_user=self.end_road_user[over],
            end_class_confidence=self.end_class_confidence[over],
        )


def _moved(place: Ints, message: Ints) -> tuple[Ints, Ints]:
    """The rows of a column of messages whose `place` is not negative, in the order of these; and these."""
    moved = place[message]
    order = np.argsort(moved, kind="stable")
    order = order[np.count_nonzero(moved < 0) :]
    return order, moved[order]


def joined(batches: Sequence[TrackedBatch]) -> TrackedBatch:
    """The messages of those batches, one at least, in that order.

    >>> frames = [TrackedFrame(camera, "s1", 0, 0, 0, 1920, 1080) for camera in ("north", "south")]
    >>> joined([TrackedBatch.of([frame]) for frame in frames]).frames() == frames
    True
    """
    sessions: dict[tuple[str, str], int] = {}
    names: dict[str, int] = {}
    session, road_user, end_road_user = [], [], []
    for batch in batches:
        numbers = np.array([sessions.setdefault(who, len(sessions)) for who in batch.sessions], np.int64)
        codes = np.array([*(names.setdefault(name, len(names)) for name in batch.names), NO_CLASS], np.int64)
        session.append(numbers[batch.session])
        road_user.append(codes[batch.road_user])
        end_road_user.append(codes[batch.end_road_user])  # the last of them stands for `NO_CLASS`
    first_rows = [0, *itertools.accumulate(len(batch) for batch in batches)]
    return TrackedBatch(
        tuple(sessions),
        np.concatenate(session),
        np.concatenate([batch.head for batch in batches]),
        tuple(names),
        np.concatenate([batch.message + row for batch, row in zip(batches, first_rows, strict=False)]),
        np.concatenate([batch.track_id for batch in batches]),
        np.concatenate([batch.position for batch in batches]),
        np.concatenate(road_user),
        np.concatenate([batch.confidence for batch in batches]),
        np.concatenate([batch.first for batch in batches]),
        np.concatenate([batch.backfilled for batch in batches]),
        np.concatenate([batch.end_message + row for batch, row in zip(batches, first_rows, strict=False)]),
        np.concatenate([batch.end_track_id for batch in batches]),
        np.concatenate(end_road_user),
        np.concatenate([batch.end_class_confidence for batch in batches]),
    )
