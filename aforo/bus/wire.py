"""The bytes of a tracked frame on the bus: versioned, compact, little-endian, refusing what it does not know.

    version (1 byte) · header · camera · session · class names · objects · backfills · ended tracks

Positions and confidences travel as 32-bit floats: about 1e-7 of the frame, a ten-thousandth of a pixel. Decoding and
encoding again changes nothing more, so every reader of the bus, and every replay, counts from the very same numbers.

Each message also has its place in its session, so that a reader notices what is missing, double or out of order. A
reader decodes many messages at once (`decode_all`), into the columns of one `TrackedBatch`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.errors import WireError
from aforo.model import TrackedFrame
from aforo.names import is_id
from aforo.tracked_batch import HEAD, NO_CLASS, POSITION, Ints, TrackedBatch

VERSION = 3
_BEFORE = 2
"""Of this version, ended tracks have no `class_confidence`; it is read as well."""
_OTHER_VERSION = "another version"

_LAST_TRACK = 2**63 - 1
"""Stores have no room for more."""
_LONGEST_SPAN_US = 86_400_000_000
_LAST_US = 4_102_444_800_000_000
"""The year 2100."""
_FARTHEST = 16.0
"""No box reaches further from the picture, in its widths or heights: beyond, it is no position but garbage."""

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
"""`_HEADER`, for many messages."""
_LENGTHS = 2
"""The last bytes of the header: the lengths of camera and session."""

_OBJECT_BYTES = struct.Struct("<QfffffBBH")
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
_OBSERVATION_BYTES = struct.Struct("<qffff")
_OBSERVATION = np.dtype([("at_us", "<i8"), ("box", "<f4", 4)])
_END_BYTES = struct.Struct("<QBf")
_END = np.dtype([("track_id", "<u8"), ("name", "u1"), ("class_confidence", "<f4")])
_END_BEFORE = np.dtype([("track_id", "<u8"), ("name", "u1")])

_LAST, _BEGINS = 1, 2
"""Flags: the message closes its session; a track begins in it."""
_NO_NAME = 255
"""In the place of a class: all rows of the ended track are taken back."""


class Message(NamedTuple):
    """One decoded message.

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> message = decode(encode(frame, sequence=3))
    >>> message.sequence, message.frame.camera
    (3, 'north')

    Attributes:
        sequence: its place among the messages of its session, from 0.
        frame: the tracked frame.
    """

    sequence: int
    frame: TrackedFrame


class Decoded(NamedTuple):
    """Many decoded messages.

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> decoded = decode_all([encode(frame, sequence=3), b""])
    >>> len(decoded.batch), decoded.sequence.tolist()
    (1, [3])
    >>> print(decoded.wrong[1])
    expected a tracked frame of version 3, got nothing; update the older of the programs

    Attributes:
        batch: those that are sound.
        sequence: (N,) of each its place among the messages of its session, from 0.
        wrong: what is wrong with the others, by their indices among the values.
    """

    batch: TrackedBatch
    sequence: Ints
    wrong: dict[int, WireError]


def encode(frame: TrackedFrame, sequence: int) -> bytes:
    """The bytes of a message.

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> len(encode(frame, sequence=0))  # bytes of a frame without anybody
    61

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
    if len(names) >= _NO_NAME:
        raise WireError(f"expected fewer than {_NO_NAME} road-user classes in a message, got {len(names)}")
    objects, backfills = bytearray(), bytearray()
    try:
        for seen in frame.objects:
            objects += _OBJECT_BYTES.pack(
                seen.track_id, *seen.box, seen.confidence, number[seen.road_user], seen.first, len(seen.backfill)
            )
            for observation in seen.backfill:
                backfills += _OBSERVATION_BYTES.pack(observation.at_us, *observation.box)
        ends = b"".join(
            _END_BYTES.pack(
                end.track_id,
                _NO_NAME if end.road_user is None else number[end.road_user],
                math.nan if end.class_confidence is None else end.class_confidence,
            )
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

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> decode(encode(frame, sequence=0)).frame == frame
    True

    Raises:
        WireError: another version wrote them, or they are no such message at all.
    """
    batch, sequence, wrong = decode_all([data])
    if wrong:
        raise wrong[0]
    return Message(int(sequence[0]), batch.frames()[0])


def decode_all(values: Sequence[bytes]) -> Decoded:
    """The messages of those values, and what is wrong with those that are none.

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> values = [encode(frame, sequence) for sequence in (0, 1)]
    >>> len(decode_all(values).batch), decode_all(values).wrong
    (2, {})
    """
    wrong: dict[int, WireError] = {}
    while True:
        sound = [index for index in range(len(values)) if index not in wrong]
        parts, reasons = _read([values[index] for index in sound])
        if parts is not None and not reasons:
            return Decoded(_batch(parts), parts.head["sequence"].astype(np.int64), wrong)
        wrong |= {sound[number]: _refusal(values[sound[number]], reason) for number, reason in reasons.items()}


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of many messages, as they are on the bus.

    Attributes:
        head: (N,) of the type `_HEAD`.
        sessions: camera and session of the messages, each pair once.
        session: (N,) which of `sessions` each message is of.
        tables: lists of class names, each once.
        table: (N,) which of `tables` each message has.
        objects: (M,) of the type `_OBJECT`.
        owner: (M,) which message each is in.
        backfills: of the type `_OBSERVATION`: all positions from before a track was confirmed.
        ends: (K,) of the type `_END`.
        end_owner: (K,) which message each is in.
    """

    head: npt.NDArray[np.void]
    sessions: Sequence[tuple[str, str]]
    session: Ints
    tables: Sequence[tuple[str, ...]]
    table: Ints
    objects: npt.NDArray[np.void]
    owner: Ints
    backfills: npt.NDArray[np.void]
    ends: npt.NDArray[np.void]
    end_owner: Ints


def _batch(parts: _Parts) -> TrackedBatch:
    """The columns of those messages; earlier positions of a road user come before its own."""
    objects, owner = parts.objects, parts.owner
    counts = objects["backfill"].astype(np.int64)
    row = np.repeat(np.arange(len(objects)), counts + 1)
    backfilled = np.ones(len(row), bool)
    backfilled[np.cumsum(counts + 1) - 1] = False
    position = np.empty(len(row), POSITION)
    position["at_us"] = parts.head["captured_at_us"][owner[row]]
    position["box"] = objects["box"][row]
    confidence = objects["confidence"][row].astype(np.float64)
    if len(row) > len(objects):
        position[backfilled] = parts.backfills.astype(POSITION)
        confidence[backfilled] = 0
    names: dict[str, int] = {}
    lookup = np.full((len(parts.tables), _NO_NAME + 1), NO_CLASS, np.int64)
    for number, table in enumerate(parts.tables):
        known = table[:_NO_NAME]
        lookup[number, : len(known)] = [names.setdefault(name, len(names)) for name in known]
    head = np.empty(len(parts.head), HEAD)
    for name in head.dtype.names or ():
        head[name] = parts.head["flags"] & _LAST if name == "last" else parts.head[name]
    return TrackedBatch(
        sessions=parts.sessions,
        session=parts.session,
        head=head,
        names=tuple(names),
        message=owner[row],
        track_id=objects["track_id"][row],
        position=position,
        road_user=lookup[parts.table[owner], objects["name"]][row],
        confidence=confidence,
        first=objects["first"][row] != 0,
        backfilled=backfilled,
        end_message=parts.end_owner,
        end_track_id=parts.ends["track_id"].copy(),
        end_road_user=lookup[parts.table[parts.end_owner], parts.ends["name"]],
        end_class_confidence=parts.ends["class_confidence"].astype(np.float64),
    )


def _updated(data: bytes) -> bytes:
    """A message of the version before in this one; bytes that are none stay none."""
    head = data[: _HEADER.size]
    count = int(np.frombuffer(head, _HEAD)["end_count"][0]) if len(head) == _HEADER.size else 0
    ends_at = len(data) - count * _END_BEFORE.itemsize
    if ends_at < _HEADER.size:
        count, ends_at = 0, len(data)
    ends, before = np.empty(count, _END), np.frombuffer(data[ends_at:], _END_BEFORE)
    ends["track_id"], ends["name"], ends["class_confidence"] = before["track_id"], before["name"], math.nan
    return bytes((VERSION,)) + data[1:ends_at] + ends.tobytes()


def _refusal(data: bytes, reason: str) -> WireError:
    if reason == _OTHER_VERSION:
        got = f"version {data[0]}" if data else "nothing"
        return WireError(f"expected a tracked frame of version {VERSION}, got {got}; update the older of the programs")
    return WireError(f"expected a tracked frame, got {len(data)} bytes that are none: {reason}")


def _read(values: Sequence[bytes]) -> tuple[_Parts | None, dict[int, str]]:
    """The parts of those values; or why some are none, by their indices, as soon as one is not."""
    version, before = bytes((VERSION,)), bytes((_BEFORE,))
    values = [_updated(data) if data[:1] == before else data for data in values]
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
    parts = _Parts(
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
    return parts, _unsound(parts)


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
            if not is_id(who[0]) or not all(text.isprintable() for text in (*who, *names)):
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


def _unsound(parts: _Parts) -> dict[int, str]:
    """Which messages are garbage although their lengths fit, and why."""
    objects, owner = parts.objects, parts.owner
    known = np.array([len(names) for names in parts.tables], np.int64)[parts.table]
    backfills = parts.head["backfill_count"]
    of_backfill = np.repeat(np.arange(len(parts.head)), backfills)
    begins = np.zeros(len(parts.head), bool)
    begins[owner[objects["first"] != 0]] = True
    named = parts.ends["name"]
    head = parts.head
    wrong = {
        "a time that is none": (
            np.flatnonzero(_is_no_time(head["captured_at_us"])),
            of_backfill[_is_no_time(parts.backfills["at_us"])],
        ),
        "a span that is none": (np.flatnonzero((head["span_us"] < 0) | (head["span_us"] > _LONGEST_SPAN_US)),),
        "a track with no number": (
            owner[objects["track_id"] > _LAST_TRACK],
            parts.end_owner[parts.ends["track_id"] > _LAST_TRACK],
        ),
        "a box that lies nowhere near the picture": (
            owner[_is_nowhere(objects["box"])],
            of_backfill[_is_nowhere(parts.backfills["box"])],
        ),
        "a probability that is none": (parts.end_owner[_is_no_share(parts.ends["class_confidence"])],),
        "a class that it does not name": (
            owner[objects["name"] >= known[owner]],
            parts.end_owner[(named != _NO_NAME) & (named >= known[parts.end_owner])],
        ),
        "another number of earlier positions": (
            np.flatnonzero(np.bincount(owner, objects["backfill"], len(parts.head)) != backfills),
        ),
        "tracks that begin, or do not": (np.flatnonzero(begins != (parts.head["flags"] & _BEGINS != 0)),),
    }
    return {number: reason for reason, found in wrong.items() for number in np.concatenate(found).tolist()}


def _is_no_time(at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray((at_us < 0) | (at_us > _LAST_US), bool)


def _is_no_share(share: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isnan(share) & ~((share >= 0) & (share <= 1)), bool)


def _is_nowhere(box: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    ordered = (box[:, 0] <= box[:, 2]) & (box[:, 1] <= box[:, 3])
    near = (np.abs(box) <= _FARTHEST).all(axis=1)
    return np.asarray(~(ordered & near), bool)
