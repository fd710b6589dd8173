"""The bytes of a tracked frame on the bus: versioned, compact, little-endian, refusing what it does not know.

    version (1 byte) · header · camera · session · class names · objects · backfills · ended tracks

Positions and confidences travel as 32-bit floats: about 1e-7 of the frame, a ten-thousandth of a pixel. Decoding and
encoding again changes nothing more, so every reader of the bus, and every replay, counts from the very same numbers.

Each message also has its place in its session, so that a reader notices what is missing, double or out of order.
"""

from __future__ import annotations

import struct

from aforo.errors import WireError
from aforo.model import Box, Observation, TrackedFrame, TrackedObject, TrackEnd

VERSION = 1

_HEADER = struct.Struct("<BBIQqqIIIBBBHH")
_OBJECT = struct.Struct("<QfffffBBH")
_OBSERVATION = struct.Struct("<qffff")
_END = struct.Struct("<QB")
_LAST, _FIRST = 1, 1
_NOBODY = 255
_FARTHEST = 16.0
"""No box reaches further from the picture, in its widths or heights: beyond, it is no position but garbage."""


def encode(frame: TrackedFrame, sequence: int) -> bytes:
    """The bytes of a message.

    Args:
        frame: the message.
        sequence: its place among the messages of its session, from 0, without gaps.

    Raises:
        WireError: something in it is larger than the format has room for.
    """
    names: dict[str, int] = {}
    objects = bytearray()
    backfills = bytearray()
    try:
        for seen in frame.objects:
            name = names.setdefault(seen.road_user, len(names))
            flags = _FIRST if seen.first else 0
            objects += _OBJECT.pack(seen.track_id, *seen.box, seen.confidence, name, flags, len(seen.backfill))
            for observation in seen.backfill:
                backfills += _OBSERVATION.pack(observation.at_us, *observation.box)
        ends = b"".join(
            _END.pack(end.track_id, _NOBODY if end.road_user is None else names.setdefault(end.road_user, len(names)))
            for end in frame.ended
        )
        if len(names) >= _NOBODY:
            raise WireError(f"expected fewer than {_NOBODY} road-user classes in a message, got {len(names)}")
        camera, session = frame.camera.encode(), frame.session.encode()
        header = _HEADER.pack(
            VERSION,
            _LAST if frame.last else 0,
            sequence,
            frame.index,
            frame.captured_at_us,
            frame.span_us,
            frame.width_px,
            frame.height_px,
            frame.dropped,
            len(camera),
            len(session),
            len(names),
            len(frame.objects),
            len(frame.ended),
        )
        texts = b"".join(bytes((len(text),)) + text for text in (name.encode() for name in names))
    except (struct.error, ValueError, OverflowError) as error:
        raise WireError(
            f"camera {frame.camera}: frame {frame.index} does not fit into a bus message: {error}"
        ) from error
    return b"".join((header, camera, session, texts, objects, backfills, ends))


def decode(data: bytes) -> tuple[int, TrackedFrame]:
    """The message of those bytes, and its place in its session.

    Raises:
        WireError: another version wrote them, or they are no such message at all.
    """
    if data[:1] != bytes((VERSION,)):
        got = f"version {data[0]}" if data else "nothing"
        raise WireError(f"expected a tracked frame of version {VERSION}, got {got}; update the older of the programs")
    try:
        return _decode(data)
    except (struct.error, ValueError, IndexError) as error:
        raise WireError(f"expected a tracked frame, got {len(data)} bytes that are none: {error}") from error


def _decode(data: bytes) -> tuple[int, TrackedFrame]:
    (
        _,
        flags,
        sequence,
        index,
        captured_at_us,
        span_us,
        width_px,
        height_px,
        dropped,
        camera_length,
        session_length,
        name_count,
        object_count,
        end_count,
    ) = _HEADER.unpack_from(data)
    at = _HEADER.size + camera_length
    camera = data[_HEADER.size : at].decode()
    session = data[at : at + session_length].decode()
    at += session_length
    names: list[str] = []
    for _ in range(name_count):
        names.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    objects_end = at + object_count * _OBJECT.size
    objects: list[TrackedObject] = []
    backfill_at = objects_end
    for track_id, x1, y1, x2, y2, confidence, name, first, backfill_count in _OBJECT.iter_unpack(data[at:objects_end]):
        if not -_FARTHEST <= x1 <= x2 <= _FARTHEST or not -_FARTHEST <= y1 <= y2 <= _FARTHEST:
            raise ValueError(f"a box at {x1:g}, {y1:g}, {x2:g}, {y2:g}")
        backfill: tuple[Observation, ...] = ()
        if backfill_count:
            stop = backfill_at + backfill_count * _OBSERVATION.size
            backfill = tuple(
                Observation(at_us, Box(*box)) for at_us, *box in _OBSERVATION.iter_unpack(data[backfill_at:stop])
            )
            backfill_at = stop
        objects.append(TrackedObject(track_id, Box(x1, y1, x2, y2), names[name], confidence, bool(first), backfill))
    stop = backfill_at + end_count * _END.size
    ended = tuple(
        TrackEnd(track_id, None if name == _NOBODY else names[name])
        for track_id, name in _END.iter_unpack(data[backfill_at:stop])
    )
    if len(data) != stop or len(objects) != object_count or not (camera and session and width_px and height_px):
        raise ValueError(f"its parts need {stop} bytes")
    return sequence, TrackedFrame(
        camera,
        session,
        index,
        captured_at_us,
        span_us,
        width_px,
        height_px,
        tuple(objects),
        ended,
        dropped,
        bool(flags & _LAST),
    )
