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
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.errors import WireError
from aforo.model import Box, Observation, TrackedFrame, TrackedObject, TrackEnd

VERSION = 2

_HEADER = struct.Struct("<BBIQqqIIIHHHIBB")
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
_END = struct.Struct("<QB")
_LAST, _BEGINS = 1, 2
_NOBODY = 255
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
            TrackEnd(track_id, None if name == _NOBODY else self.names[name])
            for track_id, name in _END.iter_unpack(self.data[self.ends_at :])
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
        return self._replace(
            frame_index=self.frame_index + 1,
            span_us=0,
            dropped=0,
            last=True,
            data=b"",
            objects_at=0,
            object_count=0,
            backfill_count=0,
            end_count=0,
            begins=False,
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
    if len(names) >= _NOBODY:
        raise WireError(f"expected fewer than {_NOBODY} road-user classes in a message, got {len(names)}")
    objects, backfills = bytearray(), bytearray()
    try:
        for seen in frame.objects:
            objects += _OBJECT_BYTES.pack(
                seen.track_id, *seen.box, seen.confidence, number[seen.road_user], seen.first, len(seen.backfill)
            )
            for observation in seen.backfill:
                backfills += _OBSERVATION_BYTES.pack(observation.at_us, *observation.box)
        ends = b"".join(
            _END.pack(end.track_id, _NOBODY if end.road_user is None else number[end.road_user]) for end in frame.ended
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
    (message,) = decode_all([data])
    if isinstance(message, WireError):
        raise message
    return message


def decode_all(values: Sequence[bytes]) -> list[Message | WireError]:
    """The message of each of those values, or what is wrong with it, as `decode` has them."""
    heads = _Heads()
    found: list[Message | WireError] = []
    for data in values:
        try:
            found.append(heads.read(data))
        except (struct.error, ValueError, IndexError) as error:
            found.append(WireError(f"expected a tracked frame, got {len(data)} bytes that are none: {error}"))
        except WireError as error:
            found.append(error)
    sound = [index for index, message in enumerate(found) if isinstance(message, Message)]
    for number, reason in _unsound([message for message in found if isinstance(message, Message)]):
        index = sound[number]
        found[index] = WireError(f"expected a tracked frame, got {len(values[index])} bytes that are none: {reason}")
    return found


class _Heads:
    """Reads the beginnings of messages; what many of them have in common only once."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, tuple[str, str]] = {}
        self._names: dict[bytes, tuple[str, ...]] = {}

    def read(self, data: bytes) -> Message:
        if data[:1] != bytes((VERSION,)):
            got = f"version {data[0]}" if data else "nothing"
            raise WireError(
                f"expected a tracked frame of version {VERSION}, got {got}; update the older of the programs"
            )
        _, flags, sequence, index, captured_at_us, span_us, width_px, height_px, dropped, *more = _HEADER.unpack_from(
            data
        )
        names_length, object_count, end_count, backfill_count, camera_length, session_length = more
        session_at = _HEADER.size + camera_length
        names_at = session_at + session_length
        objects_at = names_at + names_length
        ends_at = objects_at + object_count * _OBJECT.itemsize + backfill_count * _OBSERVATION.itemsize
        needed = ends_at + end_count * _END.size
        if len(data) != needed or not (camera_length and session_length and width_px and height_px):
            raise ValueError(f"its parts need {needed} bytes")
        who = data[_HEADER.size - _LENGTHS : names_at]
        if (known := self._sessions.get(who)) is None:
            known = data[_HEADER.size : session_at].decode(), data[session_at:names_at].decode()
            self._sessions[who] = known
        texts = data[names_at:objects_at]
        if (names := self._names.get(texts)) is None:
            names = self._names[texts] = _texts(texts)
        for _, name in _END.iter_unpack(data[ends_at:]):
            if name != _NOBODY and name >= len(names):
                raise ValueError(f"class {name} of {len(names)}")
        return Message(
            *known,
            index,
            captured_at_us,
            span_us,
            width_px,
            height_px,
            dropped,
            bool(flags & _LAST),
            bool(flags & _BEGINS),
            sequence,
            names,
            data,
            objects_at,
            object_count,
            backfill_count,
            end_count,
        )


def _texts(data: bytes) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(data):
        stop = at + 1 + data[at]
        if stop > len(data):
            raise ValueError("a class cut short")
        found.append(data[at + 1 : stop].decode())
        at = stop
    return tuple(found)


def objects_of(messages: Sequence[Message]) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    """All road users (`track_id`, `box`, `name`, `first`, number of `backfill`s), and which message each is of."""
    data = b"".join([message.data[message.objects_at : message.backfills_at] for message in messages])
    owner = np.repeat(np.arange(len(messages)), [message.object_count for message in messages])
    return np.frombuffer(data, _OBJECT), owner


def backfills_of(messages: Sequence[Message]) -> npt.NDArray[np.void]:
    """All positions from before a track was confirmed: `at_us` and `box`."""
    some = [message for message in messages if message.backfill_count]
    return np.frombuffer(b"".join([each.data[each.backfills_at : each.ends_at] for each in some]), _OBSERVATION)


def _unsound(messages: Sequence[Message]) -> list[tuple[int, str]]:
    """Which messages are garbage although their lengths fit, and why."""
    objects, owner = objects_of(messages)
    known, backfills = (
        np.array([(len(message.names), message.backfill_count) for message in messages], np.int64).reshape(-1, 2).T
    )
    of_backfill = np.repeat(np.arange(len(messages)), backfills)
    begins = np.zeros(len(messages), bool)
    begins[owner[objects["first"] != 0]] = True
    said = np.array([message.begins for message in messages], bool)
    wrong = {
        "a box that lies nowhere near the picture": (
            owner[_is_nowhere(objects["box"])],
            of_backfill[_is_nowhere(backfills_of(messages)["box"])],
        ),
        "a class that it does not name": (owner[objects["name"] >= known[owner]],),
        "another number of earlier positions": (
            np.flatnonzero(np.bincount(owner, objects["backfill"], len(messages)) != backfills),
        ),
        "tracks that begin, or do not": (np.flatnonzero(begins != said),),
    }
    return [(number, reason) for reason, found in wrong.items() for number in np.concatenate(found).tolist()]


def _is_nowhere(box: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    ordered = (box[:, 0] <= box[:, 2]) & (box[:, 1] <= box[:, 3])
    near = (np.abs(box) <= _FARTHEST).all(axis=1)
    return np.asarray(~(ordered & near), bool)
