"""The road users of many bus messages as columns, for what is done to all of them at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.model import Box, PastPosition, TrackedFrame, TrackedObject, TrackEnd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

POSITION = np.dtype([("at_us", "<i8"), ("box", "<f8", 4)])
"""Where a road user was: event time; x1, y1, x2, y2 as fractions of the frame."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Where the road users of many messages were, column by column, in the order of messages and times.

    Attributes:
        message: (N,) which of the messages each is of, from 0.
        track_id: (N,) uint64.
        position: (N,) of the type `POSITION`.
        road_user: (N,) index into `names`.
        first: (N,) whether it is of the track's first message.
        names: the classes.
    """

    message: Ints
    track_id: npt.NDArray[np.uint64]
    position: npt.NDArray[np.void]
    road_user: Ints
    first: Flags
    names: tuple[str, ...]


def observations(messages: Messages) -> Observations:
    """The road users of those messages as columns; backfilled positions come before their own."""
    objects, owner = messages.objects, messages.owner
    counts = objects["backfill"].astype(np.int64)
    row = np.repeat(np.arange(len(objects)), counts + 1)
    own = np.cumsum(counts + 1) - 1
    position = np.empty(len(row), POSITION)
    position["at_us"] = messages.head["captured_at_us"][owner[row]]
    position["box"] = objects["box"][row]
    if len(row) > len(objects):
        past = np.ones(len(row), bool)
        past[own] = False
        position[past] = messages.backfills.astype(POSITION)
    codes: dict[str, int] = {}
    lookup = np.zeros((len(messages.tables), max(map(len, messages.tables), default=0) or 1), np.int64)
    for number, names in enumerate(messages.tables):
        lookup[number, : len(names)] = [codes.setdefault(name, len(codes)) for name in names]
    return Observations(
        message=owner[row],
        track_id=objects["track_id"][row],
        position=position,
        road_user=lookup[messages.table[owner], objects["name"]][row],
        first=objects["first"][row] != 0,
        names=tuple(codes),
    )


_HEADER = struct.Struct("<BBIQqqIIIHHHIBB")


_HEAD = np.dtype(
    [
        ("version", "u1"),
        ("flags", "u1"),
        ("sequence", "<u4"),
        ("frame_index", "<u8"),
        ("captured_at_us", "<i8"),
        ("span_us", "<i8"),
        ("width_px", "<u4"),
        ("height_px", "<u4"),
        ("dropped", "<u4"),
        ("names_length", "<u2"),
        ("object_count", "<u2"),
        ("end_count", "<u2"),
        ("backfill_count", "<u4"),
        ("camera_length", "u1"),
        ("session_length", "u1"),
    ]
)


_LENGTHS = 2
"""The last bytes of the header: the lengths of camera and session."""


_OBJECT = np.dtype(
    [
        ("track_id", "<u8"),
        ("box", "<f4", 4),
        ("confidence", "<f4"),
        ("name", "u1"),
        ("first", "u1"),
        ("backfill", "<u2"),
    ]
)


_OBSERVATION = np.dtype([("at_us", "<i8"), ("box", "<f4", 4)])


_OBJECT_BYTES = struct.Struct("<QfffffBBH")


_OBSERVATION_BYTES = struct.Struct("<qffff")


_END_BYTES = struct.Struct("<QB")


_END = np.dtype([("track_id", "<u8"), ("name", "u1")])


_LAST, _BEGINS = 1, 2


NOBODY = 255
"""In the place of a class: the track was nobody of its own."""


class Message(NamedTuple):
    """A tracked frame as it came, its text and header read and everything in it known to be sound.

    Attributes:
        camera, session, frame_index, captured_at_us, span_us, width_px, height_px, dropped, last: as in `TrackedFrame`.
        begins: whether a track begins in it.
        sequence: its place among the messages of its session.
        names: of the road users in it, in the order of its own numbers for them.
        data: all its bytes.
        objects_at: where in them the objects begin.
        object_count, backfill_count, end_count: how many of each.
    """

    camera: str
    session: str
    frame_index: int
    captured_at_us: int
    span_us: int
    width_px: int
    height_px: int
    dropped: int
    last: bool
    begins: bool
    sequence: int
    names: tuple[str, ...]
    data: bytes
    objects_at: int
    object_count: int
    backfill_count: int
    end_count: int

    @property
    def backfills_at(self) -> int:
        """Where the earlier positions begin."""
        return self.objects_at + self.object_count * _OBJECT.itemsize

    @property
    def ends_at(self) -> int:
        """Where the ended tracks begin."""
        return self.backfills_at + self.backfill_count * _OBSERVATION.itemsize

    @property
    def first_ids(self) -> list[int]:
        """The tracks that begin here."""
        return [
            seen[0] for seen in _OBJECT_BYTES.iter_unpack(self.data[self.objects_at : self.backfills_at]) if seen[7]
        ]

    @property
    def ended(self) -> tuple[TrackEnd, ...]:
        """The tracks that ended since the previous message."""
        return tuple(
            TrackEnd(track_id, None if name == NOBODY else self.names[name])
            for track_id, name in _END_BYTES.iter_unpack(self.data[self.ends_at :])
        )

    def frame(self) -> TrackedFrame:
        """The message as the other stages know it."""
        past = _OBSERVATION_BYTES.iter_unpack(self.data[self.backfills_at : self.ends_at])
        objects = tuple(
            TrackedObject(
                track_id,
                Box(x1, y1, x2, y2),
                self.names[name],
                confidence,
                bool(first),
                tuple(PastPosition(at_us, Box(*box)) for at_us, *box in islice(past, backfill)),
            )
            for track_id, x1, y1, x2, y2, confidence, name, first, backfill in _OBJECT_BYTES.iter_unpack(
                self.data[self.objects_at : self.backfills_at]
            )
        )
        return TrackedFrame(*self[:7], objects, self.ended, self.dropped, self.last)


@dataclass(frozen=True, slots=True)
class Messages:
    """Many sound messages, column by column.

    Attributes:
        values: (N) the bytes of each.
        head: (N,) their headers.
        sessions: camera and session of those that are in them, as they come first.
        session: (N,) which of these each message is of.
        tables: the names of classes that they use, as in `Message.names`.
        table: (N,) which of these each message uses.
        objects: (M,) the road users in them: `track_id`, `box`, `name`, `first`, number of `backfill`s.
        owner: (M,) which message each is in.
        backfills: `at_us` and `box` of all positions from before a track was confirmed.
        ends: (K,) the tracks that ended: `track_id`, and `name` or `NOBODY`.
        end_owner: (K,) which message each is in.
    """

    values: Sequence[bytes]
    head: npt.NDArray[np.void]
    sessions: Sequence[tuple[str, str]]
    session: npt.NDArray[np.int64]
    tables: Sequence[tuple[str, ...]]
    table: npt.NDArray[np.int64]
    objects: npt.NDArray[np.void]
    owner: npt.NDArray[np.int64]
    backfills: npt.NDArray[np.void]
    ends: npt.NDArray[np.void]
    end_owner: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def last(self) -> npt.NDArray[np.bool_]:
        """(N,) whether it closes its session."""
        return np.asarray(self.head["flags"] & _LAST != 0, bool)

    def ended(self) -> dict[int, list[TrackEnd]]:
        """The tracks that ended, by the index of the message that tells it."""
        table = self.table.tolist()
        found: dict[int, list[TrackEnd]] = {}
        columns = self.end_owner, self.ends["track_id"], self.ends["name"]
        for row, track_id, name in zip(*(column.tolist() for column in columns), strict=True):
            end = TrackEnd(track_id, None if name == NOBODY else self.tables[table[row]][name])
            found.setdefault(row, []).append(end)
        return found

    def message(self, row: int) -> Message:
        """One of them."""
        head: tuple[int, ...] = self.head[row].tolist()
        _, flags, sequence, index, at_us, span_us, width_px, height_px, dropped, names_length, *counts = head
        objects, ends, backfills, camera_length, session_length = counts
        camera, session = self.sessions[int(self.session[row])]
        return Message(
            camera,
            session,
            index,
            at_us,
            span_us,
            width_px,
            height_px,
            dropped,
            bool(flags & _LAST),
            bool(flags & _BEGINS),
            sequence,
            self.tables[int(self.table[row])],
            self.values[row],
            _HEADER.size + camera_length + session_length + names_length,
            objects,
            backfills,
            ends,
        )
