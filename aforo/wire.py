"""The bytes of a tracked frame on the bus: versioned, compact, little-endian, refusing what it does not know.

    version (1 byte) · header · camera · session · class names · objects · backfills · ended tracks

Positions and confidences travel as 32-bit floats: about 1e-7 of the frame, a ten-thousandth of a pixel. Decoding and
encoding again changes nothing more, so every reader of the bus, and every replay, counts from the very same numbers.

Each message also has its place in its session, so that a reader notices what is missing, double or out of order. A
reader of many messages checks them all at once (`decode_all`); `aforo.observations` makes columns of their road users.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.errors import WireError
from aforo.model import Box, Observation, TrackedFrame, TrackedObject, TrackEnd

VERSION = 2
_OTHER_VERSION = "another version"

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
_LAST_TRACK = 2**63 - 1
"""Stores have no room for more."""
_LONGEST_SPAN_US = 86_400_000_000
_LAST_US = 4_102_444_800_000_000
"""The year 2100."""
_FARTHEST = 16.0
"""No box reaches further from the picture, in its widths or heights: beyond, it is no position but garbage."""


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
                tuple(Observation(at_us, Box(*box)) for at_us, *box in islice(past, backfill)),
            )
            for track_id, x1, y1, x2, y2, confidence, name, first, backfill in _OBJECT_BYTES.iter_unpack(
                self.data[self.objects_at : self.backfills_at]
            )
        )
        return TrackedFrame(*self[:7], objects, self.ended, self.dropped, self.last)

    def closing(self) -> Message:
        """The message that closes the session after this one, when whoever sent it does so no more."""
        frame = TrackedFrame(
            self.camera,
            self.session,
            self.frame_index + 1,
            self.captured_at_us,
            0,
            self.width_px,
            self.height_px,
            last=True,
        )
        return decode(encode(frame, self.sequence))


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


def encode(frame: TrackedFrame, sequence: int) -> bytes:
    """The bytes of a message.

    Args:
        frame: the message.
        sequence: its place among the messages of its session, from 0, without gaps.

    Raises:
        WireError: something in it is larger than the format has room for.
    """
    # Sorted, so that the same classes are the same bytes, whoever comes first.
    ended = {end.road_user for end in frame.ended if end.road_user is not None}
    names = sorted({seen.road_user for seen in frame.objects} | ended)
    number = {name: index for index, name in enumerate(names)}
    if len(names) >= NOBODY:
        raise WireError(f"expected fewer than {NOBODY} road-user classes in a message, got {len(names)}")
    objects, backfills = bytearray(), bytearray()
    try:
        for seen in frame.objects:
            objects += _OBJECT_BYTES.pack(
                seen.track_id, *seen.box, seen.confidence, number[seen.road_user], seen.first, len(seen.backfill)
            )
            for observation in seen.backfill:
                backfills += _OBSERVATION_BYTES.pack(observation.at_us, *observation.box)
        ends = b"".join(
            _END_BYTES.pack(end.track_id, NOBODY if end.road_user is None else number[end.road_user])
            for end in frame.ended
        )
        camera, session = frame.camera.encode(), frame.session.encode()
        texts = b"".join(bytes((len(text),)) + text for text in (name.encode() for name in names))
        header = _HEADER.pack(
            VERSION,
            (_LAST if frame.last else 0) | (_BEGINS if any(seen.first for seen in frame.objects) else 0),
            sequence,
            frame.index,
            frame.captured_at_us,
            frame.span_us,
            frame.width_px,
            frame.height_px,
            frame.dropped,
            len(texts),
            len(frame.objects),
            len(frame.ended),
            len(backfills) // _OBSERVATION.itemsize,
            len(camera),
            len(session),
        )
    except (struct.error, ValueError, OverflowError) as error:
        raise WireError(
            f"camera {frame.camera}: frame {frame.index} does not fit into a bus message: {error}"
        ) from error
    return b"".join((header, camera, session, texts, objects, backfills, ends))


def decode(data: bytes) -> Message:
    """The message of those bytes.

    Raises:
        WireError: another version wrote them, or they are no such message at all.
    """
    messages, wrong = decode_all([data])
    if wrong:
        raise wrong[0]
    return messages.message(0)


def joined(messages: Sequence[Message]) -> Messages:
    """Single messages as many."""
    return decode_all([message.data for message in messages])[0]


def decode_all(values: Sequence[bytes]) -> tuple[Messages, dict[int, WireError]]:
    """The messages of those values, and what is wrong with those that are none, by their indices."""
    wrong: dict[int, WireError] = {}
    while True:
        sound = [index for index in range(len(values)) if index not in wrong]
        messages, reasons = _read([values[index] for index in sound])
        if messages is not None and not reasons:
            return messages, wrong
        wrong |= {sound[number]: _refusal(values[sound[number]], reason) for number, reason in reasons.items()}


def _refusal(data: bytes, reason: str) -> WireError:
    if reason == _OTHER_VERSION:
        got = f"version {data[0]}" if data else "nothing"
        return WireError(f"expected a tracked frame of version {VERSION}, got {got}; update the older of the programs")
    return WireError(f"expected a tracked frame, got {len(data)} bytes that are none: {reason}")


def _read(values: Sequence[bytes]) -> tuple[Messages | None, dict[int, str]]:
    """The messages of those values; or why some are none, by their indices, as soon as one is not."""
    version = bytes((VERSION,))
    if wrong := {number: _OTHER_VERSION for number, data in enumerate(values) if data[:1] != version}:
        return None, wrong
    lengths = np.array([len(data) for data in values], np.int64)
    if wrong := dict.fromkeys(np.flatnonzero(lengths < _HEADER.size).tolist(), "its header is cut short"):
        return None, wrong
    head = np.frombuffer(b"".join([data[: _HEADER.size] for data in values]), _HEAD)
    names_at = _HEADER.size + head["camera_length"].astype(np.int64) + head["session_length"]
    objects_at = names_at + head["names_length"]
    backfills_at = objects_at + head["object_count"].astype(np.int64) * _OBJECT.itemsize
    ends_at = backfills_at + head["backfill_count"].astype(np.int64) * _OBSERVATION.itemsize
    whole = lengths == ends_at + head["end_count"].astype(np.int64) * _END.itemsize
    for name in ("camera_length", "session_length", "width_px", "height_px"):
        whole &= head[name] > 0
    texts = _Texts()
    bounds = objects_at.tolist()
    numbers = np.array(
        [texts[data[_HEADER.size - _LENGTHS : stop]] for data, stop in zip(values, bounds, strict=True)], np.int64
    ).reshape(-1, 2)
    if wrong := dict.fromkeys(np.flatnonzero(~whole | (numbers[:, 0] < 0)).tolist(), "its parts do not fit together"):
        return None, wrong
    rows = np.arange(len(values))
    stops = backfills_at.tolist()
    ends = np.flatnonzero(head["end_count"]).tolist()
    messages = Messages(
        values,
        head,
        [*texts.sessions],
        numbers[:, 0],
        [*texts.tables],
        numbers[:, 1],
        np.frombuffer(
            b"".join([data[start:stop] for data, start, stop in zip(values, bounds, stops, strict=True)]), _OBJECT
        ),
        np.repeat(rows, head["object_count"]),
        np.frombuffer(
            b"".join(
                [values[row][stops[row] : ends_at[row]] for row in np.flatnonzero(head["backfill_count"]).tolist()]
            ),
            _OBSERVATION,
        ),
        np.frombuffer(b"".join([values[row][ends_at[row] :] for row in ends]), _END),
        np.repeat(rows, head["end_count"]),
    )
    return messages, _unsound(messages)


class _Texts(dict[bytes, tuple[int, int]]):
    """Numbers of sessions and tables of classes, by the bytes from the lengths of their texts on; -1 if those are none.

    Attributes:
        sessions: camera and session, in the order of their numbers.
        tables: names of classes, in the order of theirs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[tuple[str, str], int] = {}
        self.tables: dict[tuple[str, ...], int] = {}

    def __missing__(self, key: bytes) -> tuple[int, int]:
        try:
            session_at = _LENGTHS + key[0]
            names_at = session_at + key[1]
            who = key[_LENGTHS:session_at].decode(), key[session_at:names_at].decode()
            names = _texts(key[names_at:])
            if not all(text.isprintable() for text in (*who, *names)):
                raise ValueError("a name that nobody can read")
        except (ValueError, IndexError):
            numbers = -1, -1
        else:
            numbers = (
                self.sessions.setdefault(who, len(self.sessions)),
                self.tables.setdefault(names, len(self.tables)),
            )
        self[key] = numbers
        return numbers


def _texts(data: bytes) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(data):
        stop = at + 1 + data[at]
        if stop > len(data):
            raise ValueError("a class cut short")
        found.append(data[at + 1 : stop].decode())
        at = stop
    return tuple(found)


def _unsound(messages: Messages) -> dict[int, str]:
    """Which messages are garbage although their lengths fit, and why."""
    objects, owner = messages.objects, messages.owner
    known = np.array([len(names) for names in messages.tables], np.int64)[messages.table]
    backfills = messages.head["backfill_count"]
    of_backfill = np.repeat(np.arange(len(messages)), backfills)
    begins = np.zeros(len(messages), bool)
    begins[owner[objects["first"] != 0]] = True
    named = messages.ends["name"]
    head = messages.head
    wrong = {
        "a time that is none": (
            np.flatnonzero(_is_no_time(head["captured_at_us"])),
            of_backfill[_is_no_time(messages.backfills["at_us"])],
        ),
        "a span that is none": (np.flatnonzero((head["span_us"] < 0) | (head["span_us"] > _LONGEST_SPAN_US)),),
        "a track with no number": (
            owner[objects["track_id"] > _LAST_TRACK],
            messages.end_owner[messages.ends["track_id"] > _LAST_TRACK],
        ),
        "a box that lies nowhere near the picture": (
            owner[_is_nowhere(objects["box"])],
            of_backfill[_is_nowhere(messages.backfills["box"])],
        ),
        "a class that it does not name": (
            owner[objects["name"] >= known[owner]],
            messages.end_owner[(named != NOBODY) & (named >= known[messages.end_owner])],
        ),
        "another number of earlier positions": (
            np.flatnonzero(np.bincount(owner, objects["backfill"], len(messages)) != backfills),
        ),
        "tracks that begin, or do not": (np.flatnonzero(begins != (messages.head["flags"] & _BEGINS != 0)),),
    }
    return {number: reason for reason, found in wrong.items() for number in np.concatenate(found).tolist()}


def _is_no_time(at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray((at_us < 0) | (at_us > _LAST_US), bool)


def _is_nowhere(box: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    ordered = (box[:, 0] <= box[:, 2]) & (box[:, 1] <= box[:, 3])
    near = (np.abs(box) <= _FARTHEST).all(axis=1)
    return np.asarray(~(ordered & near), bool)
